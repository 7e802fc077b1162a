import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { inTempFolder } from "../testdata/temp_folder.ts";
import { needs } from "../testdata/needs.ts";
import {
  askPython,
  environmentsFolder,
  exportEnvironments,
  pythonCommand,
  STAMP,
} from "./python.ts";

Deno.test("pythonCommand() is POSEMARK_PYTHON, else python3", () => {
  assertEquals(pythonCommand(() => undefined), "python3");
  assertEquals(pythonCommand(() => ""), "python3");
  assertEquals(pythonCommand((name) => `/${name}`), "/POSEMARK_PYTHON");
});

Deno.test({
  name: "askPython() hears the version of a real Python and that it makes environments",
  ...needs("python"),
  fn: async () => {
    const python = await askPython("python3");
    if (typeof python === "string") throw new Error(python);
    assertEquals([python.version[0], python.venv], [3, true]);
  },
});

Deno.test("askPython() says why there is no answer", async () => {
  const said = async (command: string) => {
    const answer = await askPython(command);
    assert(typeof answer === "string");
    return answer;
  };
  assertStringIncludes(await said("/nowhere/python"), "can't be started");
  assertStringIncludes(await said("false"), "exited 1");
  assertStringIncludes(await said("true"), "answers as no Python does");
});

Deno.test("exportEnvironments() lists the complete ones, the newest ultralytics last", () =>
  inTempFolder(async (root) => {
    assertEquals(await exportEnvironments(root), []);
    const stamp = async (name: string, text: string | null) => {
      const folder = path.join(environmentsFolder(root), name);
      await Deno.mkdir(folder, { recursive: true });
      if (text !== null) await Deno.writeTextFile(path.join(folder, STAMP), text);
    };
    await stamp("a", '{"ultralytics":"8.4.190","python":"3.9"}');
    await stamp("b", '{"ultralytics":"8.4.9","python":"3.11"}');
    await stamp("unfinished", null);
    await stamp("of an older Posemark", "torch==2.4.1\n");
    assertEquals((await exportEnvironments(root)).map(({ ultralytics }) => ultralytics), [
      "8.4.9",
      "8.4.190",
    ]);
  }));
