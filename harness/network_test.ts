import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import denoJson from "../deno.json" with { type: "json" };
import { hostsNamed } from "./network.ts";
import { taskFlags } from "./posemark.ts";

Deno.test("hostsNamed() finds the hosts of farms, stores and adb servers, and no other text", () => {
  assertEquals(
    hostsNamed([
      ...["gate", "--farm", "stf://farm.example:7100", "--store=postgres://u@db.example/x"],
      ...["--history", "postgresql://u@a.example,b.example:5432/x", "--device", "R5CT10"],
      ...["--device", "stf+https://[2001:db8::1]:8000/SERIAL", "--device", "ssh://pi@board"],
      ...["--model", "a.onnx", "--baseline", "git:main", "--out", "x://y"],
    ]),
    ["farm.example", "db.example", "a.example", "b.example", "[2001:db8::1]"],
  );
  const env: Record<string, string> = {
    ADB_SERVER_SOCKET: "tcp:adb.example:5037",
    POSEMARK_STORE: "sqlite:/tmp/x",
    ANDROID_ADB_SERVER_ADDRESS: "192.0.2.7",
  };
  assertEquals(hostsNamed([], (name) => env[name]), ["adb.example", "192.0.2.7"]);
  assertEquals(hostsNamed([], (name) => ({ ADB_SERVER_SOCKET: "localfilesystem:/s" })[name]), []);
});

Deno.test("tasks that measure may talk to this machine and the models' publisher alone", () => {
  for (const name of ["bench", "compare-models", "gate", "calibrate", "trials", "devices"]) {
    assert(!taskFlags(denoJson, name).includes("--allow-net"), name);
  }
});

Deno.test("a task gets leave for the host that the caller names, and only for it", async () => {
  // nothing listens there; without leave the message would be another
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "gate", "--history", "postgres://u@127.0.0.2:9/x", "--baseline"]
      .concat("posemark-n-silu.silu.raw.fp32.160x160.pnnx"),
    cwd: new URL("..", import.meta.url),
    env: { INIT_CWD: Deno.cwd() },
  }).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 3, text);
  assertStringIncludes(text, "ECONNREFUSED");
});
