import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import { startScriptedAdbServer } from "../testdata/scripted_adb_server.ts";
import { listAdbDevices } from "./link.ts";
import { adbServerFromEnvironment } from "./server.ts";

/** Returns the server that an environment names. */
const named = (env: Record<string, string>) => adbServerFromEnvironment((name) => env[name]);

Deno.test("adbServerFromEnvironment() reads address and port as adb does, and starts none elsewhere", () => {
  const local = { hostname: "127.0.0.1", port: 5037, adbProgram: "adb" };
  assertEquals(named({}), local);
  assertEquals(named({ ANDROID_ADB_SERVER_PORT: "", ADB_SERVER_SOCKET: "" }), local);
  assertEquals(named({ ANDROID_ADB_SERVER_PORT: "15099", ADB: "/opt/adb" }), {
    ...local,
    port: 15099,
    adbProgram: "/opt/adb",
  });
  assertEquals(named({ ANDROID_ADB_SERVER_ADDRESS: "10.0.0.2" }), {
    hostname: "10.0.0.2",
    port: 5037,
    adbProgram: null,
  });
  assertEquals(named({ ANDROID_ADB_SERVER_ADDRESS: "localhost" }).adbProgram, "adb");
});

Deno.test("adbServerFromEnvironment() lets ADB_SERVER_SOCKET win, in each of its forms", () => {
  const socket = (ADB_SERVER_SOCKET: string) =>
    named({ ADB_SERVER_SOCKET, ANDROID_ADB_SERVER_PORT: "1", ANDROID_ADB_SERVER_ADDRESS: "x" });
  assertEquals(socket("tcp:5038"), { hostname: "127.0.0.1", port: 5038, adbProgram: "adb" });
  assertEquals(socket("tcp:172.20.0.1:5037"), {
    hostname: "172.20.0.1",
    port: 5037,
    adbProgram: null,
  });
  assertEquals(socket("tcp:[fd00::1]:5037").hostname, "fd00::1");
  assertEquals(socket("tcp:[::1]:5037").adbProgram, "adb");
  assertEquals(socket("localfilesystem:/run/adb.sock").path, "/run/adb.sock");
});

Deno.test("adbServerFromEnvironment() refuses nonsense by name", () => {
  const refused = (env: Record<string, string>, words: string) => {
    const error = assertThrows(() => named(env), HarnessError, words);
    assertEquals(error.code, "bad-option");
  };
  for (const port of ["x", "0", "70000", "-1"]) {
    refused({ ANDROID_ADB_SERVER_PORT: port }, "ANDROID_ADB_SERVER_PORT");
    refused({ ADB_SERVER_SOCKET: `tcp:host:${port}` }, "ADB_SERVER_SOCKET");
  }
  for (
    const socket of ["5037", "udp:5037", "tcp:a:b:c", "localfilesystem:adb", "localabstract:a"]
  ) {
    refused({ ADB_SERVER_SOCKET: socket }, "ADB_SERVER_SOCKET");
  }
});

Deno.test({
  name: "listAdbDevices() reaches a server by its socket, and says how to start one where none is",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const dir = await Deno.makeTempDir();
    const socket = path.join(dir, "adb.sock");
    const server = {
      ...named({ ADB_SERVER_SOCKET: `localfilesystem:${socket}` }),
      adbProgram: null,
    };
    const list = () => listAdbDevices(server, { timeoutMs: 5000 });
    {
      await using _server = startScriptedAdbServer(
        { devices: () => "R5CT10 device transport_id:1\n" },
        socket,
      );
      assertEquals((await list()).map(({ serial }) => serial), ["R5CT10"]);
    }
    const error = await assertRejects(list, HarnessError, `localfilesystem:${socket} start-server`);
    assertEquals((error as HarnessError).code, "missing-tool");
    await Deno.remove(dir, { recursive: true });
  },
});
