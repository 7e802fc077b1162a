import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import denoJson from "../deno.json" with { type: "json" };
import { asCalled, startedBy } from "./caller.ts";
import { taskFlags } from "./posemark.ts";
import { inTempFolder } from "./testdata/temp_folder.ts";

const CHECKOUT = path.resolve(import.meta.dirname!, "..");
const MODEL = path.join(CHECKOUT, "models", "posemark-n-relu.onnx");
/** A configuration that the gate refuses at once. */
const WRONG = '{"gate":{"wrong":1}}';

/** Runs a program in a folder; returns what it printed to both, and its exit code. */
async function runIn(cwd: string, command: string, args: string[], env: Record<string, string>) {
  const { code, stdout, stderr } = await new Deno.Command(command, { args, cwd, env }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Runs a command as `deno task` does for a caller in the folder. */
const runTask = (folder: string, ...args: string[]) =>
  runIn(
    folder,
    Deno.execPath(),
    ["task", "--quiet", "--config", path.join(CHECKOUT, "deno.json"), ...args],
    // a task that runs in a task has the outer one's
    { INIT_CWD: folder },
  );

Deno.test("startedBy() trusts INIT_CWD in the checkout only, where deno task runs", () => {
  assertEquals(startedBy(CHECKOUT, "/somewhere"), "deno task");
  assertEquals(startedBy("/tmp", "/somewhere"), "posemark");
  assertEquals(startedBy(CHECKOUT, null), "posemark");
  assertEquals(startedBy(CHECKOUT, ""), "posemark");
});

Deno.test("asCalled() names commands as they are called, and leaves other text alone", () => {
  const text = 'Run "deno task help", or a deno task of your own: deno task';
  assertEquals(asCalled(text, "deno task"), text);
  assertEquals(
    asCalled(text, "posemark"),
    text.replace("deno task help", "posemark help").replace("deno task of", "posemark of"),
  );
});

Deno.test("deno task reads and writes where the caller stands, and shows paths as typed", async () => {
  await inTempFolder(async (folder) => {
    await Deno.copyFile(MODEL, path.join(folder, "mine.onnx"));
    const drawn = await runTask(folder, "inspect", "mine.onnx", "./mine.onnx", "--svg", "a.svg");
    assertEquals(drawn.code, 0, drawn.text);
    assertStringIncludes(await Deno.readTextFile(path.join(folder, "a.svg")), "<svg");
    const missing = await runTask(folder, "inspect", "models/none.onnx");
    assertEquals(missing.code, 2);
    assertStringIncludes(missing.text, "Cannot use the model models/none.onnx: ");
  });
});

Deno.test("gate reads the caller's posemark.json, up to the top of its repository, and names it", async () => {
  await inTempFolder(async (folder) => {
    const inner = path.join(folder, "repository", "a", "b");
    await Deno.mkdir(inner, { recursive: true });
    const gate = async () => (await runTask(inner, "gate", "--baseline", "nothing")).text;
    // outside of a repository a file further up is somebody else's
    await Deno.writeTextFile(path.join(folder, "posemark.json"), WRONG);
    assertStringIncludes(await gate(), "Configuration: the usual rules (no posemark.json from ");
    await Deno.mkdir(path.join(folder, "repository", ".git"));
    assertStringIncludes(await gate(), "Configuration: the usual rules");
    const file = path.join(folder, "repository", "posemark.json");
    await Deno.writeTextFile(file, '{"gate":{}}');
    assertStringIncludes(await gate(), `Configuration: ${await Deno.realPath(file)}`);
    await Deno.writeTextFile(path.join(inner, "posemark.json"), WRONG);
    assertStringIncludes(await gate(), "b/posemark.json: key ");
  });
});

Deno.test("deno task says so when the caller's folder is gone", async () => {
  const text = (await runIn(CHECKOUT, Deno.execPath(), ["task", "-q", "inspect", "a.onnx"], {
    INIT_CWD: "/nowhere/at/all",
  })).text;
  assertStringIncludes(text, "Cannot work in the folder of the caller, /nowhere/at/all");
});

Deno.test("posemark, installed, works in any folder with the flags of its tasks", async () => {
  await inTempFolder(async (folder) => {
    await Deno.copyFile(MODEL, path.join(folder, "mine model.onnx"));
    const env = {
      DENO_INSTALL_ROOT: path.join(folder, "root"),
      PATH: `${path.dirname(Deno.execPath())}:${Deno.env.get("PATH")}`,
      // of another program that started this one
      INIT_CWD: CHECKOUT,
    };
    const entry = path.join(CHECKOUT, "harness", "posemark.ts");
    const installed = await runIn(
      folder,
      Deno.execPath(),
      ["install", "-g", "-A", "-n", "posemark", entry],
      env,
    );
    assertEquals(installed.code, 0, installed.text);
    const program = path.join(folder, "root", "bin", "posemark");
    const inspected = await runIn(folder, program, ["inspect", "mine model.onnx"], env);
    assertEquals(inspected.code, 0, inspected.text);
    assertStringIncludes(inspected.text, "layers");
    const wrong = await runIn(folder, program, ["inspect", "mine.onnx", "--nonsense"], env);
    assertEquals(wrong.code, 2, wrong.text);
    assertStringIncludes(wrong.text, 'Run "posemark help"');
  });
});

Deno.test("taskFlags() returns the flags of every command's task, and help's for another word", () => {
  const { tasks } = denoJson;
  assert(taskFlags(denoJson, "bench").includes("--allow-ffi"));
  assertEquals(taskFlags(denoJson, "layers").includes("--allow-net"), false);
  for (const name of ["bunch", undefined, "toString", "test", "--version"]) {
    assertEquals(taskFlags(denoJson, name), ["--allow-env"], name);
  }
  const commands = Object.entries(tasks).filter(([, { command }]) => command.includes("main.ts"));
  assert(commands.length > 10);
  for (const [name, { command }] of commands) {
    const flags = taskFlags(denoJson, name);
    assertStringIncludes(command, `deno run ${flags.join(" ")} harness/main.ts`);
  }
});
