import { assertEquals } from "@std/assert";
import { childCommand, childEnvironment } from "./child.ts";

Deno.test("childEnvironment() leaves out what is Posemark's own, secrets among it", () => {
  const all = {
    PATH: "/bin",
    POSEMARK_STF_TOKEN: "t",
    POSEMARK_STORE_PASSWORD_FILE: "/f",
    INIT_CWD: "/",
    MY_POSEMARK_X: "kept",
  };
  assertEquals(childEnvironment(all), { PATH: "/bin", MY_POSEMARK_X: "kept" });
});

Deno.test("childCommand() starts a program without secrets, with what it is given", async () => {
  Deno.env.set("POSEMARK_STF_TOKEN", "secret-of-this-test");
  Deno.env.set("OMITTED_BY_TEST", "x");
  try {
    const { stdout } = await childCommand("env", {
      env: { POSEMARK_RUN: "given" },
      omit: ["OMITTED_BY_TEST"],
    }).output();
    const lines = new TextDecoder().decode(stdout).split("\n");
    const own = lines.filter((line) => /^(POSEMARK_|INIT_CWD|OMITTED)/.test(line));
    assertEquals(own, ["POSEMARK_RUN=given"]);
    assertEquals(lines.some((line) => line.startsWith("PATH=")), true);
  } finally {
    Deno.env.delete("POSEMARK_STF_TOKEN");
    Deno.env.delete("OMITTED_BY_TEST");
  }
});
