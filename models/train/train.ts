/*
 * `deno task train --activation silu|relu`: a virtual environment, a rendered training set, the
 * training, and the model's ONNX file with its manifest. It takes more than an hour and is never
 * part of CI.
 */
import { childCommand } from "../../harness/child.ts";
import * as path from "@std/path";
import { HarnessError } from "../../harness/errors.ts";
import { sha256Hex } from "../../harness/hash.ts";
import { FIRST_SEED } from "./distribution.ts";
import type { ModelManifest } from "./manifest.ts";
import { renderSet } from "./render_set.ts";
import type { Stage } from "./schedule.ts";
import { type TrainOptions, trainOptionsOf } from "./train_options.ts";

const HERE = import.meta.dirname!;

/**
 * Pictures that ultralytics wants as a validation set; the card's accuracy is not measured on them.
 */
const VALIDATION_PICTURES = 64;

/** How many of a failed command's last lines an error carries. */
const TAIL_LINES = 20;

/** What train.py writes when a stage is done. */
type StageSummary = {
  checkpoint: string;
  wallSeconds: number;
  ultralytics: string;
  torch: string;
};

/** Trains and exports as the options say; returns the path of the ONNX file. */
export async function trainModel(options: TrainOptions): Promise<string> {
  const { activation, cache, out, threads } = options;
  const python = await preparedPython(path.join(cache, "train-venv"));
  const environment = {
    YOLO_CONFIG_DIR: path.join(cache, "train", "ultralytics"),
    OMP_NUM_THREADS: String(threads),
  };
  const summaries: StageSummary[] = [];
  for (const [i, stage] of options.stages.entries()) {
    const data = path.join(cache, "train", `${stage.distribution}-${stage.pictures}`);
    await renderedSet(data, stage);
    const work = path.join(cache, "train", `stage-${i + 1}`);
    const weights = summaries.length === 0 ? [] : ["--weights", summaries[i - 1].checkpoint];
    await run("train the model", python, [
      path.join(HERE, "train.py"),
      ...["--activation", activation, "--data", data, "--out", work, ...weights],
      ...stageArguments(stage),
      ...["--seed", String(options.seed), "--threads", String(threads)],
    ], environment);
    summaries.push(JSON.parse(await Deno.readTextFile(path.join(work, `${activation}.json`))));
  }

  await Deno.mkdir(out, { recursive: true });
  const name = `posemark-n-${activation}`;
  const model = path.join(out, `${name}.onnx`);
  await run("export the model", python, [
    path.join(HERE, "export.py"),
    ...["--checkpoint", summaries[summaries.length - 1].checkpoint, "--out", model],
    ...["--imgsz", String(options.exportSidePx)],
  ], environment);
  const bytes = await Deno.readFile(model);
  const manifest = manifestOf(name, bytes.length, await sha256Hex(bytes), options, summaries);
  await Deno.writeTextFile(
    path.join(out, `${name}.json`),
    JSON.stringify(manifest, null, 2) + "\n",
  );
  return model;
}

/** Returns the arguments of train.py that say what a stage is. */
export function stageArguments(stage: Stage): string[] {
  return Object.entries({
    "batches": stage.batches,
    "decay-batches": stage.decayBatches,
    "batch": stage.batch,
    "imgsz": stage.sidePx,
    "early-imgsz": stage.earlySidePx,
    "lr": stage.learningRate,
    "keypoint-loss": stage.keypointLoss,
  }).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

/** Returns what is written beside a trained model. */
export function manifestOf(
  name: string,
  sizeBytes: number,
  sha256: string,
  options: Pick<TrainOptions, "activation" | "exportSidePx" | "seed" | "stages">,
  summaries: readonly Pick<StageSummary, "wallSeconds" | "ultralytics" | "torch">[],
): ModelManifest {
  const side = options.exportSidePx;
  const { ultralytics, torch } = summaries[summaries.length - 1];
  return {
    schemaVersion: 1,
    name,
    description:
      `YOLOv8n-pose (${options.activation}) trained from scratch on drawn people only: ` +
      `for speed, parity and trying everything out, not for photographs`,
    file: `${name}.onnx`,
    sha256,
    sizeBytes,
    architecture: "yolov8n-pose",
    activation: options.activation,
    inputShape: { widthPx: side, heightPx: side },
    classNames: ["person"],
    keypointCount: 17,
    keypointDims: 3,
    opset: 11,
    weightStorage: "fp16",
    licence: "AGPL-3.0",
    trainedOn: {
      description: `pictures rendered by fixtures/render, seeds from ${FIRST_SEED.train} on`,
      stages: [...options.stages],
      seed: options.seed,
      wallSeconds: summaries.reduce((sum, { wallSeconds }) => sum + wallSeconds, 0),
      ultralytics,
      torch,
    },
  };
}

async function preparedPython(venv: string): Promise<string> {
  const inVenv = Deno.build.os === "windows" ? ["Scripts", "python.exe"] : ["bin", "python"];
  const python = path.join(venv, ...inVenv);
  const requirements = path.join(HERE, "requirements.txt");
  const stamp = path.join(venv, "requirements.sha256");
  const wanted = await sha256Hex(await Deno.readFile(requirements));
  const found = await Deno.readTextFile(stamp).catch(() => null);
  if (found === wanted) return python;
  console.error(`Preparing the Python environment ${venv} (some GB) ...`);
  await run("make a virtual environment", "python3", ["-m", "venv", "--clear", venv]);
  await run("install the training packages", python, [
    ...["-m", "pip", "install", "--quiet", "--no-input", "-r", requirements],
  ]);
  await Deno.writeTextFile(stamp, wanted);
  return python;
}

async function renderedSet(data: string, { distribution, pictures }: Stage): Promise<void> {
  const stamp = path.join(data, "complete");
  const wanted = JSON.stringify({ distribution, pictures, firstSeed: FIRST_SEED });
  if (await Deno.readTextFile(stamp).catch(() => null) === wanted) return;
  console.error(`Rendering ${pictures} pictures into ${data} ...`);
  await Deno.remove(data, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await renderSet(data, distribution, "train", 0, pictures);
  await renderSet(data, distribution, "val", 0, VALIDATION_PICTURES);
  await Deno.writeTextFile(stamp, wanted);
}

async function run(
  what: string,
  command: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<void> {
  let child: Deno.ChildProcess;
  try {
    child = childCommand(command, { args, env, stdout: "inherit", stderr: "piped" }).spawn();
  } catch (cause) {
    throw new HarnessError(
      "missing-tool",
      `Cannot ${what}: ${command} was not found: install Python 3.9 to 3.12 with its venv module`,
      { cause },
    );
  }
  let tail = "";
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    await Deno.stderr.write(new TextEncoder().encode(text));
    tail = (tail + text).slice(-8000);
  }
  const { code } = await child.status;
  if (code !== 0) {
    throw new HarnessError("runner-failed", `Cannot ${what}: ${command} exited ${code}`, {
      stderrTail: tail.split("\n").slice(-TAIL_LINES),
    });
  }
}

if (import.meta.main) {
  try {
    console.log(await trainModel(trainOptionsOf(Deno.args)));
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
    console.error(error.message);
    for (const line of error.stderrTail) console.error(`  ${line}`);
    Deno.exitCode = error.exitCode;
  }
}
