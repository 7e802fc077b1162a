/**
 * ncnn files of the user → variants, as they are.
 *
 * @module
 */
import * as path from "@std/path";
import type { GivenOptions, VariantOptions } from "../../config.ts";
import { HarnessError, type Warning } from "../../errors.ts";
import { type InputSize, isDecoded } from "../../head/head_spec.ts";
import { sha256Hex } from "../../hash.ts";
import { type Precision, PRECISIONS } from "../../record/precision.ts";
import { NO_SETTINGS } from "../../record/run_settings.ts";
import {
  MANIFEST_VERSION,
  safeModelName,
  type Shape,
  variantId,
  type VariantKey,
  type VariantManifest,
} from "../../record/variant.ts";
import { cached, contentKey } from "../../toolchain/cache.ts";
import { ncnnMacs, ncnnParameters } from "../ncnn/cost.ts";
import { inferNcnnShapes } from "../ncnn/shapes.ts";
import { fusedActivation } from "../ncnn/param_file.ts";
import { encodeOnnx } from "../onnx/onnx_file.ts";
import type { ProvedModel } from "../source_model.ts";
import { cutModel, resizedModel, sizeFreeModel } from "../surgery.ts";
import { type GuessedHead, guessHead } from "./guess_head.ts";
import {
  activationOf,
  type BlobRunner,
  type GivenFiles,
  proveLayout,
  readGivenFiles,
  referenceBeside,
  specOf,
} from "./given_model.ts";

/** What preparing given files works with. */
export interface GivenContext {
  cacheRoot?: string;
  signal?: AbortSignal;
  run: BlobRunner;
  /** Returns the model of a reference as the user names it. */
  openReference(nameOrPath: string): Promise<ProvedModel>;
}

/** A variant and the folder that holds its files. */
interface PreparedGiven {
  manifest: VariantManifest;
  dir: string;
  modelFile: string;
}

/** Nothing said of the files. */
export const NOTHING_SAID: GivenOptions = {
  references: [],
  input: null,
  outputs: null,
  outputNames: null,
};

/**
 * Returns the variants of ncnn files: each in every precision that its weights allow, every shape
 * and every setting asked for.
 *
 * Throws `HarnessError`: `bad-param`, `bad-model`, `bad-option` for what can't be run or has to be
 * named.
 */
export async function prepareGiven(
  models: readonly string[],
  options: VariantOptions,
  context: GivenContext,
): Promise<{ variants: PreparedGiven[]; skipped: Warning[] }> {
  const said = options.given ?? NOTHING_SAID;
  const { references } = said;
  if (references.length > 1 && references.length !== models.length) {
    throw new HarnessError(
      "bad-option",
      `Cannot use ${references.length} times --reference for ${models.length} ncnn models: name one for all, or one for each`,
    );
  }
  const variants: PreparedGiven[] = [];
  const skipped: Warning[] = [];
  const taken = new Map<string, string>();
  for (const [i, named] of models.entries()) {
    const given = await readGivenFiles(named, said);
    const reference = references[references.length === 1 ? 0 : i] ?? await referenceBeside(given);
    const source = reference === null ? null : await context.openReference(reference);
    const [shape] = options.shapes;
    const size = options.shapes.length === 1 && shape.mode === "fixed" ? shape : given.size;
    const understood = await understand({ ...given, size }, source, said, context);
    const { shapes, reasons } = shapesOf(understood, options);
    skipped.push(...reasons);
    for (const precision of precisionsOf(given, options, skipped)) {
      for (const shape of shapes) {
        for (const settings of options.settings ?? [NO_SETTINGS]) {
          const key: VariantKey = {
            model: nameOf(given, taken),
            activation: activationOf(given.param),
            speedOnly: source === null,
            head: isDecoded(understood.spec) ? "decoded" : "raw",
            branch: understood.spec.headCode.branch === "one-to-one" ? "o2o" : "o2m",
            precision,
            shape,
            converter: "given",
            settings,
          };
          variants.push(await prepareOne(key, understood, context));
        }
      }
    }
  }
  return { variants, skipped };
}

/** Returns the model's name in ids; files of one name and different content get their hash. */
function nameOf({ files, sha256 }: GivenFiles, taken: Map<string, string>): string {
  const name = safeModelName(files.stem);
  const other = taken.get(name);
  if (other === undefined || other === sha256) {
    taken.set(name, sha256);
    return name;
  }
  return `${name}-${sha256.slice(0, 8)}`;
}

/** Given files with what their outputs hold. */
interface Understood {
  given: GivenFiles;
  source: ProvedModel | null;
  spec: GuessedHead["spec"];
  size: InputSize;
  warnings: Warning[];
}

async function understand(
  given: GivenFiles,
  source: ProvedModel | null,
  said: GivenOptions,
  context: GivenContext,
): Promise<Understood> {
  const own = source === null
    ? null
    : { widthPx: source.head.inputWidthPx, heightPx: source.head.inputHeightPx };
  const size = given.size ?? own;
  if (source === null) {
    const { spec, size: known } = await guessHead(given, size, said, context.run);
    return {
      given,
      source,
      spec,
      size: known,
      warnings: [...given.warnings, {
        code: "no-reference",
        message:
          `${given.named} has no reference: nothing tells whether its keypoints are right, and its speed alone is measured`,
        advice:
          "Name the model that it was converted from by --reference best.onnx (or best.pt), or put it beside the files.",
      }],
    };
  }
  const { outputs } = await proveLayout(given, source, size!, said, context.run);
  return {
    given,
    source,
    spec: { ...specOf(source), outputs },
    size: size!,
    warnings: [...given.warnings, ...source.warnings],
  };
}

function shapesOf(
  { given, spec, size }: Understood,
  { shapes }: Pick<VariantOptions, "shapes">,
): { shapes: Shape[]; reasons: Warning[] } {
  const isFixed = isDecoded(spec);
  const own: Shape = { mode: "fixed", ...size };
  const reasons: Warning[] = [];
  const chosen = shapes.flatMap((choice): Shape[] => {
    if (choice.mode === "own") return [own];
    const long = choice.mode === "rect" && "longSidePx" in choice
      ? choice.longSidePx ?? Math.max(size.widthPx, size.heightPx)
      : null;
    const shape: Shape = long === null
      ? choice as Shape
      : { mode: "rect", widthPx: long, heightPx: long };
    const isOwn = shape.mode === "fixed" && shape.widthPx === size.widthPx &&
      shape.heightPx === size.heightPx;
    if (!isFixed || isOwn) return [shape];
    reasons.push({
      code: "skipped-shape",
      message:
        `${given.named} is run at ${size.widthPx}x${size.heightPx} alone: its decode in the graph holds that size`,
      advice: "Export it again at the other size, or leave --shape out.",
    });
    return [];
  });
  if (chosen.length === 0) {
    throw new HarnessError("bad-option", `Cannot prepare a variant: ${reasons[0].message}`);
  }
  return { shapes: chosen, reasons };
}

/** Returns the precisions that the stored weights allow; tells which are left out. */
function precisionsOf(
  { named, weights }: GivenFiles,
  { precisions }: Pick<VariantOptions, "precisions">,
  skipped: Warning[],
): Precision[] {
  const fitting = precisions.filter((precision) =>
    (PRECISIONS[precision].weights === "int8") === (weights === "int8")
  );
  if (fitting.length > 0) {
    for (const precision of precisions.filter((each) => !fitting.includes(each))) {
      skipped.push({
        code: "skipped-precision",
        message: `${named} is not run in ${precision}: its weights are stored as ${weights}`,
        advice: "Name the precisions that are wanted by --precision.",
      });
    }
    return fitting;
  }
  return weights === "int8" ? ["int8"] : ["fp32"];
}

async function prepareOne(
  key: VariantKey,
  understood: Understood,
  context: GivenContext,
): Promise<PreparedGiven> {
  const { given, source, spec, size, warnings } = understood;
  const { folder } = await cached({
    kind: "given",
    key: await contentKey({
      files: given.sha256,
      reference: source?.sha256 ?? "none",
      shape: `${key.shape.mode} ${key.shape.widthPx}x${key.shape.heightPx}`,
    }),
    root: context.cacheRoot,
    signal: context.signal,
    make: async (folder) => {
      await Deno.writeFile(path.join(folder, FILES.param), given.files.param);
      await Deno.writeFile(path.join(folder, FILES.bin), given.files.bin);
      if (source !== null) {
        await Deno.writeFile(path.join(folder, FILES.reference), referenceGraph(source, key.shape));
      }
    },
  });
  const { layers, blobs } = given.param;
  const shapes = inferNcnnShapes(layers, [3, key.shape.heightPx, key.shape.widthPx]);
  const sum = (values: (number | null)[]) =>
    values.reduce<number>((total, value) => total + (value ?? 0), 0);
  const manifest: VariantManifest = {
    schemaVersion: MANIFEST_VERSION,
    id: variantId(key),
    ...key,
    origin: "given",
    swapped: false,
    ...spec,
    names: source?.names ?? null,
    keypointNames: source?.keypointNames ?? null,
    decode: source === null ? null : proofOf(source),
    source: source === null
      ? {
        path: path.resolve(given.named),
        sha256: given.sha256,
        bytes: given.files.param.length + given.files.bin.length,
        opset: 0,
        producer: "ncnn files",
        inputWidthPx: size.widthPx,
        inputHeightPx: size.heightPx,
      }
      : {
        path: source.path,
        sha256: source.sha256,
        bytes: source.bytes,
        opset: source.model.opset,
        producer: source.model.producer,
        inputWidthPx: source.head.inputWidthPx,
        inputHeightPx: source.head.inputHeightPx,
      },
    param: {
      ...await fileRef(folder, FILES.param),
      layers: layers.length,
      blobs: blobs.length,
      fusedActivations: layers.filter((layer) => fusedActivation(layer) !== null).length,
    },
    bin: await fileRef(folder, FILES.bin),
    referenceOnnx: source === null ? null : await fileRef(folder, FILES.reference),
    inputBlob: given.inputBlob,
    parameterCount: sum(layers.map(ncnnParameters)),
    macs: sum(layers.map((layer) => ncnnMacs(layer, shapes))),
    tools: {},
    logs: [],
    passes: [],
    warnings: [...warnings, ...weightWarnings(given, key.precision)],
  };
  return { manifest, dir: folder, modelFile: path.resolve(given.named) };
}

const FILES = { param: "model.param", bin: "model.bin", reference: "reference.onnx" };

function proofOf({ proof }: ProvedModel): VariantManifest["decode"] {
  const { headCode: _, keypointChannels: __, ...rest } = proof;
  return rest;
}

/** What runs is decided by how the weights are stored too. */
function weightWarnings({ named, weights }: GivenFiles, precision: Precision): Warning[] {
  if (weights !== "fp16" || PRECISIONS[precision].weights !== "fp32") return [];
  return [{
    code: "given-half-weights",
    message: `The weights of ${named} are stored as fp16: ${precision} computes with them`,
    advice: "It is judged as fp16 weights. Convert the model without half for fp32.",
  }];
}

/** Returns the raw head's graph of the reference, for every size where it allows that. */
function referenceGraph(source: ProvedModel, shape: Shape): Uint8Array {
  const { model } = cutModel(source.model, source.head, "raw", null);
  try {
    return encodeOnnx(sizeFreeModel(model, source.head, source.path));
  } catch (error) {
    if (!(error instanceof HarnessError) || error.code !== "bad-model") throw error;
    const { widthPx, heightPx } = shape;
    return encodeOnnx(resizedModel(model, source.head, widthPx, heightPx, source.path));
  }
}

async function fileRef(folder: string, file: string) {
  const bytes = await Deno.readFile(path.join(folder, file));
  return { file, bytes: bytes.length, sha256: await sha256Hex(bytes) };
}
