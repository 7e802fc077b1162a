import { assertEquals } from "@std/assert";
import { adbServerFromEnvironment } from "./server.ts";
import { HarnessError } from "../../errors.ts";

Deno.test("adbServerFromEnvironment() takes the port of ANDROID_ADB_SERVER_PORT, and refuses nonsense", () => {
  const server = (port?: string) =>
    adbServerFromEnvironment((name) => name === "ANDROID_ADB_SERVER_PORT" ? port : undefined);
  assertEquals([server().port, server("15099").port, server("").port], [5037, 15099, 5037]);
  for (const port of ["x", "0", "70000", "-1"]) {
    try {
      server(port);
      throw new Error("took a bad port");
    } catch (error) {
      assertEquals((error as HarnessError).code, "bad-option");
    }
  }
});
