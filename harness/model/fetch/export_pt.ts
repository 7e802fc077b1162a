/**
 * PyTorch checkpoint → ONNX by ultralytics, in a virtual environment made for that.
 *
 * @module
 */
import * as path from "@std/path";
import { z } from "zod";
import { cached, contentKey } from "../../toolchain/cache.ts";
import { HarnessError } from "../../errors.ts";
import { sha256Hex } from "../../hash.ts";
import type { Branch } from "../../record/variant.ts";
import { runTool } from "../convert/tool.ts";
import { type Checkpoint, forkError, isNewer, readCheckpoint } from "./checkpoint.ts";
import {
  type EnvironmentContext,
  exportEnvironment,
  namedUltralytics,
  PINNED_ULTRALYTICS,
  type StandingEnvironment,
} from "./export_environment.ts";

/** What an export works with. */
export interface ExportContext extends EnvironmentContext {
  /** Python with ultralytics, instead of the environment that is made in the cache. */
  python?: string;
}

/** What of a checkpoint is exported. */
export interface ExportOptions {
  /** Branch of the head, where it has two: one-to-many (needs NMS) or one-to-one (the best k). */
  branch?: Branch;
  /** Height and width of the input in pixels; null: what the checkpoint was trained at. */
  imgsz?: readonly [heightPx: number, widthPx: number] | null;
}

const SCRIPT = path.join(import.meta.dirname!, "export_pt.py");

/**
 * Returns the ONNX file that ultralytics exports of the checkpoint, kept in the cache by the
 * checkpoint's content and the options.
 *
 * Its name is the checkpoint's with the ending `.onnx`; shapes are static, floats have 32 bits, NMS
 * is not in the graph. A head with one branch is exported as it is, whichever was asked for.
 * Which ultralytics exports it: see `ultralyticsFor`. Throws `HarnessError`: `bad-model` (see
 * `readCheckpoint`, or the export fails), and what `exportEnvironment` throws.
 */
export async function exportCheckpoint(
  file: string,
  context: ExportContext,
  options: ExportOptions = {},
): Promise<string> {
  const bytes = await readFile(file);
  const checkpoint = readCheckpoint(bytes, file);
  const branch = checkpoint.hasOneToOne ? options.branch ?? "o2m" : "o2m";
  const imgsz = options.imgsz ?? null;
  const name = `${path.basename(file).replace(/\.pt$/i, "")}.onnx`;
  const { folder } = await cached({
    kind: "export",
    key: await contentKey({
      checkpoint: await sha256Hex(bytes),
      name,
      script: await Deno.readTextFile(SCRIPT),
      ultralytics: versionOf(context) ?? [...PINNED_ULTRALYTICS],
      ...context.python === undefined ? {} : { python: context.python },
      branch,
      imgsz: imgsz?.map(String) ?? "trained",
    }),
    root: context.root,
    signal: context.signal,
    make: async (folder) => {
      const standing = context.python === undefined
        ? await exportEnvironment(checkpoint, context)
        : {
          command: context.python,
          ultralytics: versionOf(context) ?? "of the given Python",
          python: "",
        };
      const step = context.progress.step(`Exporting ${path.basename(file)} to ONNX`, 30);
      // ultralytics writes its results beside the checkpoint
      const copy = path.join(folder, path.basename(file));
      await Deno.writeFile(copy, bytes);
      const args = ["--checkpoint", copy, "--out", path.join(folder, name), "--branch", branch]
        .concat(imgsz === null ? [] : ["--imgsz", ...imgsz.map(String)]);
      try {
        await runExport(standing.command, args, folder, context.signal);
      } catch (cause) {
        if (!(cause instanceof HarnessError) || cause.code !== "convert-failed") throw cause;
        throw exportError(cause, file, checkpoint, standing);
      }
      await Deno.remove(copy);
      step.done();
    },
  });
  return path.join(folder, name);
}

/** Returns the version that was named; of a given Python, the one that it has. */
function versionOf(context: ExportContext): string | null {
  if (context.python !== undefined) return context.ultralytics ?? null;
  return namedUltralytics(context);
}

async function readFile(file: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(file);
  } catch (cause) {
    throw new HarnessError(
      "bad-model",
      `Cannot use the model ${file}: ${
        cause instanceof Deno.errors.NotFound ? "there is no such file" : (cause as Error).message
      }: check the path`,
      { cause },
    );
  }
}

async function runExport(
  python: string,
  args: readonly string[],
  folder: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const settings = path.join(folder, "settings");
  await runTool({
    name: "ultralytics",
    command: python,
    args: [SCRIPT, ...args],
    cwd: folder,
    env: {
      YOLO_CONFIG_DIR: settings,
      YOLO_OFFLINE: "true",
      // it would install packages in the middle of an export
      YOLO_AUTOINSTALL: "false",
    },
    signal,
  });
  await Deno.remove(settings, { recursive: true }).catch(() => {});
}

/** Returns what a failed export means: the script says what is missing, ultralytics the rest. */
function exportError(
  cause: HarnessError,
  file: string,
  { version }: Checkpoint,
  standing: StandingEnvironment,
): HarnessError {
  const line = cause.stderrTail.findLast((line) => line.startsWith("missing: "));
  const { ultralytics } = standing;
  const isPerhapsNewer = version === null || isNewer(version, ultralytics);
  const named = version ?? "VERSION";
  const another =
    `another version of ultralytics may know it: set POSEMARK_ULTRALYTICS=${named} to the one that saved it`;
  if (line !== undefined) {
    const missing = z.array(z.string()).parse(JSON.parse(line.slice("missing: ".length)));
    if (!isPerhapsNewer) return forkError(file, missing);
    return new HarnessError(
      "bad-model",
      `Cannot export ${file}: ultralytics ${ultralytics} has no ${missing.join(", ")}: ${another}`,
      { cause },
    );
  }
  return new HarnessError(
    "bad-model",
    `Cannot export ${file} (saved by ultralytics ${
      version ?? "of an unknown version"
    }) with ultralytics ${ultralytics}: see its last lines below: ${another}, or export it where it was trained and give the .onnx file to --model`,
    { cause, stderrTail: cause.stderrTail },
  );
}
