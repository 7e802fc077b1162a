/**
 * Models and options → which variants are to be made, which are left out and why: pure.
 *
 * @module
 */
import type { ShapeChoice, VariantOptions } from "../config.ts";
import { HarnessError, type Warning } from "../errors.ts";
import {
  type Activation,
  type Branch,
  type Converter,
  type DecodeProof,
  type Head,
  type Shape,
  variantId,
  type VariantKey,
} from "../record/variant.ts";
import { NO_SETTINGS } from "../record/run_settings.ts";

/** What the plan needs to know of a model file. */
export interface PlannedModel {
  /** Name that is used in ids; see {@linkcode modelNames}. */
  name: string;
  path: string;
  trained: Activation;
  branch: Branch;
  inputWidthPx: number;
  inputHeightPx: number;
  /** Shapes that this file is for, where a checkpoint is exported at several; absent for all. */
  shapes?: readonly ShapeChoice[];
  /** In which form its own output is. */
  decode: Pick<DecodeProof, "boxForm" | "isNormalised" | "isUsualOrder" | "notes">;
}

/** Which variants are wanted of the models. */
export type VariantChoice = Omit<VariantOptions, "models">;

/** One variant to make. */
export interface PlannedVariant {
  model: PlannedModel;
  id: string;
  key: VariantKey;
  converter: Converter;
  /** True when the activation is not the trained one. */
  swapped: boolean;
  warnings: Warning[];
}

/** What is made, and a sentence for each combination that is left out. */
export interface VariantPlan {
  variants: PlannedVariant[];
  skipped: Warning[];
}

/**
 * Returns the variants for the models, in the order models, activations, heads, precisions, shapes,
 * converters, settings.
 *
 * A SiLU model asked for as relu is swapped for its speed alone, unless a model that was trained
 * with ReLU is among the models; asked for as hardswish it is a full variant. Other swaps are left
 * out with a reason. Throws `HarnessError` `bad-option` for combinations that can't be, and when
 * nothing remains.
 */
export function planVariants(models: PlannedModel[], choice: VariantChoice): VariantPlan {
  if (models.length === 0) {
    throw new HarnessError(
      "bad-option",
      "Cannot prepare variants: no model was given: use --model",
    );
  }
  checkCombinations(choice);
  // ncnn files of the user are planned on their own, see `given/prepare_given.ts`
  const converters = choice.converters.filter((route): route is Converter => route !== "given");
  const routes = converters.flatMap((converter) =>
    (choice.settings ?? [NO_SETTINGS]).map((settings) => [converter, settings] as const)
  );
  const variants = new Map<string, PlannedVariant>();
  const skipped: Warning[] = [];
  for (const model of models) {
    if (choice.branches?.includes(model.branch) === false) {
      skipped.push({
        code: "skipped-branch",
        message: `${model.path} is not run: it has the branch ${model.branch} alone, asked for is ${
          choice.branches.join(", ")
        }`,
        advice: "Give the .pt file, from which both branches are exported, or leave --branch out.",
      });
      continue;
    }
    for (const activation of choice.activations ?? [model.trained]) {
      const reason = reasonAgainst(model, activation, models);
      if (reason !== null) {
        skipped.push({
          code: "skipped-activation",
          message: `${model.name} is not run as ${activation}: ${reason}`,
          advice: "Leave --activation out to run each model as it was trained.",
        });
        continue;
      }
      for (const head of choice.heads) {
        for (const precision of choice.precisions) {
          for (const shapeChoice of choice.shapes) {
            if (model.shapes?.includes(shapeChoice) === false) continue;
            for (const [converter, settings] of routes) {
              const shape = resolveShape(model, shapeChoice);
              checkDecodedShape(model, head, shape);
              const swapped = activation !== model.trained;
              const speedOnly = swapped && activation === "relu";
              const key = {
                model: model.name,
                activation,
                speedOnly,
                head,
                branch: model.branch,
                precision,
                shape,
                converter,
                settings,
              };
              const id = variantId(key);
              variants.set(id, {
                ...{ model, id, key, converter, swapped },
                warnings: swapWarnings(key, swapped),
              });
            }
          }
        }
      }
    }
  }
  if (variants.size === 0) {
    throw new HarnessError(
      "bad-option",
      `Cannot prepare any variant: ${skipped.map((one) => one.message).join("; ")}`,
    );
  }
  return { variants: [...variants.values()], skipped };
}

/** Returns why the model can't be run with the activation, or null when it can. */
function reasonAgainst(
  model: PlannedModel,
  activation: Activation,
  models: readonly PlannedModel[],
): string | null {
  if (activation === model.trained) return null;
  if (model.trained !== "silu") {
    return `it was trained with ${model.trained}, and only SiLU can be swapped`;
  }
  if (activation === "relu") {
    const sibling = models.find((other) => other.trained === "relu");
    return sibling ? `${sibling.name}, trained with ReLU, stands for it` : null;
  }
  return null;
}

function swapWarnings(key: VariantKey, swapped: boolean): Warning[] {
  if (key.speedOnly) {
    return [{
      code: "speed-only",
      message: `${key.model} was trained with SiLU and runs with ReLU here, without retraining`,
      advice:
        "Read its speed only: its keypoints mean nothing. Train with ReLU for a usable model.",
    }];
  }
  if (swapped) {
    return [{
      code: "swapped-activation",
      message:
        `${key.model} was trained with SiLU and runs with HardSwish here, without retraining`,
      advice: "Look at its own accuracy before you use it: part of it is lost by the swap.",
    }];
  }
  return [];
}

function resolveShape(model: PlannedModel, choice: ShapeChoice): Shape {
  const { inputWidthPx, inputHeightPx } = model;
  if (choice.mode === "own") {
    return { mode: "fixed", widthPx: inputWidthPx, heightPx: inputHeightPx };
  }
  if (choice.mode === "fixed") return choice;
  const side = "longSidePx" in choice
    ? choice.longSidePx ?? Math.max(inputWidthPx, inputHeightPx)
    : Math.max(choice.widthPx, choice.heightPx);
  return { mode: "rect", widthPx: side, heightPx: side };
}

function checkCombinations(choice: VariantChoice): void {
  if (!choice.heads.includes("decoded")) return;
  const reasons: Partial<Record<Converter, string>> = {
    "onnx2ncnn": "onnx2ncnn writes the decode's four-dimensional reshapes wrongly",
    "pnnx-optimized": "ncnnoptimize takes a reshape out of the decode that it needs",
  };
  for (const converter of choice.converters) {
    const reason = converter === "given" ? undefined : reasons[converter];
    if (reason === undefined) continue;
    throw new HarnessError(
      "bad-option",
      `Cannot prepare --head decoded with --converter ${converter}: ${reason}, and the boxes come out wrong by hundreds of pixels: use --converter pnnx, or --head raw`,
    );
  }
}

function checkDecodedShape(model: PlannedModel, head: Head, shape: Shape): void {
  const { inputWidthPx, inputHeightPx, decode } = model;
  if (head !== "decoded") return;
  if (decode.boxForm !== "xywh" || decode.isNormalised || !decode.isUsualOrder) {
    throw new HarnessError(
      "bad-option",
      `Cannot prepare ${model.name} with --head decoded: ${
        decode.notes.join("; ")
      }, expected centre and size in pixels, scores, then keypoints: use --head raw`,
    );
  }
  const isOwn = shape.widthPx === inputWidthPx && shape.heightPx === inputHeightPx;
  if (shape.mode === "fixed" && isOwn) return;
  throw new HarnessError(
    "bad-option",
    `Cannot prepare ${model.name} with --head decoded at ${
      shape.mode === "rect" ? "rect" : `${shape.widthPx}x${shape.heightPx}`
    }: its decode holds the size that it was exported for, ${inputWidthPx}x${inputHeightPx}: use --head raw, or leave --shape out`,
  );
}

/**
 * Returns a name for each file: its safe stem, with `-` and eight digits of its hash where
 * different files have the same stem and branch. Several exports of one model that the user gave
 * share its name.
 */
export function modelNames(
  files: { stem: string; sha256: string; branch: Branch; given: string }[],
): string[] {
  const firstOf = ({ given, branch }: typeof files[number]) =>
    files.find((file) => file.given === given && file.branch === branch)!;
  return files.map((file) => {
    const clash = files.some((other) =>
      other.stem === file.stem && firstOf(other).sha256 !== firstOf(file).sha256 &&
      other.branch === file.branch
    );
    return clash ? `${file.stem}-${firstOf(file).sha256.slice(0, 8)}` : file.stem;
  });
}
