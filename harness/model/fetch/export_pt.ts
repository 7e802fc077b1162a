/**
 * PyTorch checkpoint → ONNX by ultralytics, in a virtual environment made for that.
 *
 * @module
 */
import * as path from "@std/path";
import { cached, cacheRoot, contentKey } from "../../toolchain/cache.ts";
import { HarnessError } from "../../errors.ts";
import type { Progress } from "../../progress.ts";
import { sha256Hex } from "../../hash.ts";
import { runTool } from "../convert/tool.ts";

/** What an export works with. */
export interface ExportContext {
  progress: Progress;
  signal?: AbortSignal;
  /** The cache; see `cacheRoot`. */
  root?: string;
  /** Python with ultralytics, instead of the environment that is made in the cache. */
  python?: string;
}

const HERE = import.meta.dirname!;
const REQUIREMENTS = path.join(HERE, "export_requirements.txt");
const SCRIPT = path.join(HERE, "export_pt.py");

/**
 * Returns the ONNX file that ultralytics exports of the checkpoint, kept in the cache by the
 * checkpoint's content.
 *
 * Its name is the checkpoint's with the ending `.onnx`. Throws `HarnessError`: `bad-model` (no such
 * file, not a pose checkpoint), `missing-tool` (no python3), `download-failed` (pip can't get the
 * packages), `interrupted`, `no-space`.
 */
export async function exportCheckpoint(file: string, context: ExportContext): Promise<string> {
  const checkpoint = path.resolve(file);
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(checkpoint);
  } catch (cause) {
    throw new HarnessError(
      "bad-model",
      `Cannot use the model ${file}: ${
        cause instanceof Deno.errors.NotFound ? "there is no such file" : (cause as Error).message
      }: check the path`,
      { cause },
    );
  }
  if (!new TextDecoder("latin1").decode(bytes.subarray(0, 4)).startsWith("PK\x03\x04")) {
    throw new HarnessError(
      "bad-model",
      `Cannot use the model ${file}: it is not a PyTorch checkpoint (${bytes.length} bytes, no zip archive): copy or download it again`,
    );
  }
  const name = `${path.basename(checkpoint).replace(/\.pt$/i, "")}.onnx`;
  const { folder } = await cached({
    kind: "export",
    key: await contentKey({
      checkpoint: await sha256Hex(bytes),
      name,
      script: await Deno.readTextFile(SCRIPT),
      requirements: await Deno.readTextFile(REQUIREMENTS),
    }),
    root: context.root,
    signal: context.signal,
    make: async (folder) => {
      const python = context.python ?? await exportPython(context);
      const step = context.progress.step(`Exporting ${path.basename(file)} to ONNX`, 30);
      // ultralytics writes its results beside the checkpoint
      const copy = path.join(folder, path.basename(checkpoint));
      await Deno.writeFile(copy, bytes);
      await runExport(python, copy, path.join(folder, name), folder, file, context.signal);
      await Deno.remove(copy);
      step.done();
    },
  });
  return path.join(folder, name);
}

async function runExport(
  python: string,
  checkpoint: string,
  out: string,
  folder: string,
  label: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await runTool({
      name: "ultralytics",
      command: python,
      args: [SCRIPT, "--checkpoint", checkpoint, "--out", out],
      cwd: folder,
      env: {
        YOLO_CONFIG_DIR: path.join(folder, "settings"),
        YOLO_OFFLINE: "true",
        // it would install packages in the middle of an export
        YOLO_AUTOINSTALL: "false",
      },
      signal,
    });
    await Deno.remove(path.join(folder, "settings"), { recursive: true }).catch(() => {});
  } catch (cause) {
    if (!(cause instanceof HarnessError) || cause.code !== "convert-failed") throw cause;
    throw new HarnessError(
      "bad-model",
      `Cannot export ${label} with ultralytics: see its last lines below: expected a YOLOv8 or YOLO11 pose checkpoint as ultralytics saves it`,
      { cause, stderrTail: cause.stderrTail },
    );
  }
}

/**
 * Returns the Python of the environment with the pinned packages; made in the cache the first time
 * (some GB).
 */
async function exportPython(context: ExportContext): Promise<string> {
  const requirements = await Deno.readTextFile(REQUIREMENTS);
  const key = await contentKey({ requirements, python: "3" });
  // scripts in an environment hold its path: it is made where it stays, and its stamp says that it
  // is complete
  const venv = path.join(context.root ?? cacheRoot(), "export-venv", key);
  const inVenv = Deno.build.os === "windows" ? ["Scripts", "python.exe"] : ["bin", "python"];
  const python = path.join(venv, ...inVenv);
  const stamp = path.join(venv, "complete");
  await Deno.mkdir(path.dirname(venv), { recursive: true });
  using lockFile = await Deno.open(`${venv}.lock`, { create: true, write: true });
  await lockFile.lock(true);
  if (await isFile(stamp)) return python;
  const step = context.progress.step(
    "Installing ultralytics and torch for the export (some GB)",
    300,
  );
  const { signal } = context;
  try {
    await runTool({
      name: "python3 -m venv",
      command: "python3",
      args: ["-m", "venv", "--clear", venv],
      cwd: path.dirname(venv),
      signal,
    });
    await runTool({
      name: "python3 -m pip",
      command: python,
      args: ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
        .concat(["--requirement", REQUIREMENTS]),
      cwd: venv,
      signal,
    });
  } catch (cause) {
    if (!(cause instanceof HarnessError) || cause.code !== "convert-failed") throw cause;
    throw new HarnessError(
      "download-failed",
      `Cannot install ultralytics with pip: see its last lines below: check the network or pip's index, or export the model elsewhere (\`yolo export model=FILE.pt format=onnx\`) and give the .onnx file to --model`,
      { cause, stderrTail: cause.stderrTail },
    );
  }
  await Deno.writeTextFile(stamp, requirements);
  step.done();
  return python;
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await Deno.stat(file)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
