import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import { SILENT } from "../../progress.ts";
import { inTempFolder } from "../../testdata/temp_folder.ts";
import { exportEnvironments } from "../../toolchain/python.ts";
import type { Checkpoint } from "./checkpoint.ts";
import {
  exportEnvironment,
  PINNED_ULTRALYTICS,
  requirementsFor,
  ultralyticsFor,
} from "./export_environment.ts";
import { exportCheckpoint } from "./export_pt.ts";
import { checkpointOf, type FakeInterpreter, fakeInterpreter } from "./testdata/checkpoints.ts";

const CHECKPOINT: Checkpoint = {
  version: "8.3.5",
  task: "pose",
  isYolo26: false,
  hasOneToOne: false,
};

/** Returns the error of an environment that the interpreter can't make. */
async function failure(interpreter: FakeInterpreter): Promise<HarnessError> {
  const errors: HarnessError[] = [];
  await inTempFolder(async (folder) => {
    const context = {
      progress: SILENT,
      root: path.join(folder, "cache"),
      interpreter: await fakeInterpreter(folder, interpreter),
    };
    errors.push(
      await assertRejects(() => exportEnvironment(CHECKPOINT, context), HarnessError),
    );
    assertEquals(await exportEnvironments(context.root), []);
  });
  return errors[0];
}

Deno.test("ultralyticsFor() follows the checkpoint's version, the head and the Python", () => {
  const of = (version: string | null, minor = 11, isYolo26 = false, named: string | null = null) =>
    ultralyticsFor({ version, isYolo26 }, minor, named);
  assertEquals(of("8.0.0"), "8.3.203");
  assertEquals(of("8.3.253"), "8.3.203");
  assertEquals(of("8.4.0"), "8.4.190");
  assertEquals(of("8.3.5", 13), "8.4.190");
  assertEquals(of(null), "8.4.190");
  assertEquals(of("8.3.5", 11, true), "8.4.190");
  assertEquals(of("8.4.191"), "8.4.191");
  assertEquals(of("9.1.0"), "9.1.0");
  assertEquals(of("9.1.0", 11, false, "8.3.203"), "8.3.203");
});

Deno.test("requirementsFor() pins every package, and puts a named version into the nearest file", async () => {
  for (const version of PINNED_ULTRALYTICS) {
    const lines = (await requirementsFor(version)).trim().split("\n").filter((line) =>
      !line.startsWith("#")
    );
    assert(lines.includes(`ultralytics==${version}`));
    assert(
      lines.every((line) => /^[a-z-]+==[\d.]+(; python_version [<>]=? "3\.\d+")?$/.test(line)),
    );
  }
  const older = await requirementsFor("8.1.2");
  assertEquals(older, (await requirementsFor("8.3.203")).replace("8.3.203", "8.1.2"));
  const newer = await requirementsFor("8.4.7");
  assertStringIncludes(newer, "ultralytics==8.4.7");
  assertStringIncludes(newer, "torch==2.15.0");
});

Deno.test("exportEnvironment() makes an environment once, and again when its Python is gone", () =>
  inTempFolder(async (folder) => {
    const log = path.join(folder, "calls");
    const context = {
      progress: SILENT,
      root: path.join(folder, "cache"),
      interpreter: await fakeInterpreter(folder, { pip: `echo "$@" >> "${log}"` }),
    };
    const standing = await exportEnvironment(CHECKPOINT, context);
    assertEquals(await exportEnvironment(CHECKPOINT, context), standing);
    assertEquals([standing.ultralytics, standing.python], ["8.3.203", "3.11"]);
    const calls = async () => (await Deno.readTextFile(log)).trim().split("\n").length;
    assertEquals(await calls(), 1);
    const newer = await exportEnvironment(CHECKPOINT, { ...context, ultralytics: "8.4.190" });
    assert(newer.command !== standing.command);
    assertEquals(await exportEnvironments(context.root), [
      { ultralytics: "8.3.203", python: "3.11" },
      { ultralytics: "8.4.190", python: "3.11" },
    ]);
    await Deno.remove(standing.command);
    await exportEnvironment(CHECKPOINT, context);
    assertEquals(await calls(), 3);
  }));

Deno.test("exportEnvironment() names a missing Python, an old one and one without venv", async () => {
  const absent = await assertRejects(
    () => exportEnvironment(CHECKPOINT, { progress: SILENT, interpreter: "/nowhere/python3" }),
    HarnessError,
  );
  assertEquals([absent.code, absent.exitCode], ["missing-tool", 3]);
  assertStringIncludes(absent.message, "/nowhere/python3: it can't be started");
  assertStringIncludes(absent.message, "POSEMARK_PYTHON");
  assertStringIncludes(absent.message, "give the .onnx file to --model");
  const old = await failure({ version: [3, 8, 10] });
  assertEquals(old.code, "missing-tool");
  assertStringIncludes(old.message, "it is Python 3.8.10, expected Python 3.9 to 3.14");
  const bare = await failure({ venv: false });
  assertEquals(bare.code, "missing-tool");
  assertStringIncludes(bare.message, "apt install python3.11-venv");
  const broken = await failure({
    makeVenv: "echo 'because ensurepip is not available' >&2; exit 1",
  });
  assertEquals(broken.code, "missing-tool");
  assertStringIncludes(broken.message, "apt install python3-venv");
  assertEquals(broken.stderrTail, ["because ensurepip is not available"]);
});

Deno.test("exportEnvironment() tells a missing network from a missing wheel and a full disk", async () => {
  const failing = (...lines: string[]) =>
    failure({ pip: lines.map((line) => `echo "${line}" >&2`).join("\n") + "\nexit 1" });
  const none = "ERROR: No matching distribution found for torch==2.4.1";
  const offline = await failing(
    "WARNING: Retrying after connection broken by NewConnectionError: Network is unreachable",
    "ERROR: Could not find a version that satisfies the requirement torch==2.4.1 (from versions: none)",
    none,
  );
  assertEquals(offline.code, "download-failed");
  assertStringIncludes(offline.message, "index can't be reached");
  const wheel = await failing(
    "ERROR: Could not find a version that satisfies the requirement torch==2.4.1 (from versions: 2.9.0)",
    none,
  );
  assertEquals(wheel.code, "download-failed");
  assertStringIncludes(wheel.message, "no wheel of torch==2.4.1 for Python 3.11.7");
  assertStringIncludes(wheel.message, "POSEMARK_PYTHON");
  const other = await failing("ERROR: something new");
  assertStringIncludes(other.message, "see its last lines below");
  const full = await failing("OSError: [Errno 28] No space left on device");
  assertEquals(full.code, "no-space");
  assertStringIncludes(full.message, "POSEMARK_CACHE");
});

/** Exports a checkpoint with a fake interpreter; returns the call's promise within the folder. */
async function exported(
  folder: string,
  interpreter: FakeInterpreter,
  options: Parameters<typeof exportCheckpoint>[2],
  checkpoint = checkpointOf(),
): Promise<string> {
  const file = path.join(folder, "best.pt");
  await Deno.writeFile(file, checkpoint);
  const root = path.join(folder, "cache");
  const command = await fakeInterpreter(folder, interpreter);
  return await exportCheckpoint(file, { progress: SILENT, root, interpreter: command }, options);
}

Deno.test("exportCheckpoint() keeps an export per branch and size, and needs no Python for a kept one", () =>
  inTempFolder(async (folder) => {
    const yolo26 = checkpointOf({ version: "8.4.5", strings: ["one2one_cv2"] });
    const script = 'echo "$@" > "$5"';
    const o2m = await exported(folder, { script }, {}, yolo26);
    const o2o = await exported(folder, { script }, { branch: "o2o", imgsz: [96, 160] }, yolo26);
    const said = async (file: string) => (await Deno.readTextFile(file)).trim();
    assert((await said(o2m)).endsWith("best.onnx --branch o2m"));
    assert((await said(o2o)).endsWith("best.onnx --branch o2o --imgsz 96 160"));
    const gone = { progress: SILENT, root: path.join(folder, "cache"), interpreter: "/nowhere" };
    assertEquals(await exportCheckpoint(path.join(folder, "best.pt"), gone), o2m);
    assertEquals(
      await exportCheckpoint(path.join(folder, "best.pt"), gone, { branch: "o2m", imgsz: null }),
      o2m,
    );
  }));

Deno.test("exportCheckpoint() exports a head with one branch as it is, whichever was asked for", () =>
  inTempFolder(async (folder) => {
    const script = 'echo "$@" > "$5"';
    const file = await exported(folder, { script }, { branch: "o2o" });
    assertEquals(await exported(folder, { script: "exit 1" }, { branch: "o2m" }), file);
    assertStringIncludes(await Deno.readTextFile(file), "--branch o2m");
  }));

Deno.test("exportCheckpoint() names what ultralytics doesn't have: a fork's class, or a newer version's", () =>
  inTempFolder(async (folder) => {
    const script = `echo 'missing: ["ultralytics.nn.modules.block.C2f_CBAM"]' >&2; exit 1`;
    const fork = await assertRejects(() => exported(folder, { script }, {}), HarnessError);
    assertEquals(fork.code, "bad-model");
    assertStringIncludes(fork.message, "ultralytics.nn.modules.block.C2f_CBAM");
    assertStringIncludes(fork.message, "a fork with modules of its own");
    const unknown = checkpointOf({ version: null });
    const newer = await assertRejects(
      () => exported(folder, { script }, {}, unknown),
      HarnessError,
    );
    assertStringIncludes(newer.message, "POSEMARK_ULTRALYTICS=VERSION");
  }));

Deno.test("exportEnvironment() refuses a POSEMARK_ULTRALYTICS that is no version", async () => {
  const error = await assertRejects(
    () => exportEnvironment(CHECKPOINT, { progress: SILENT, ultralytics: "latest" }),
    HarnessError,
  );
  assertEquals(error.code, "bad-option");
});
