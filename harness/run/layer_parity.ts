/**
 * Layer by layer: every blob of a variant on one image against onnxruntime's tensors. The blobs are
 * kept in the run's folder, so that the comparison can be made again without the device.
 *
 * @module
 */
import * as path from "@std/path";
import { z } from "zod";
import { asWriteError } from "../disk.ts";
import { HarnessError, isLaunchFailure } from "../errors.ts";
import { readGraph } from "../model/inspect/inspect.ts";
import { readOnnxFile } from "../model/onnx/onnx_file.ts";
import { parseParam } from "../model/ncnn/param_file.ts";
import { type PreparedVariant, referenceFile } from "../model/prepare.ts";
import { drawVerdicts } from "../model/inspect/svg.ts";
import { compareLayers, type LayersReport, layerVerdicts } from "../parity/layers.ts";
import { type AnyRecord, type LayerParityRecord, RECORD_VERSION } from "../record/records.ts";
import { parseStrictly } from "../record/strict_json.ts";
import { dotLengths } from "../reference/dot_lengths.ts";
import { rawSpec } from "../head/head_blobs.ts";
import { intermediateTensors, readLayerDumps } from "../reference/intermediate.ts";
import { halfWeightsOf, openReferenceModel, storageOf } from "../reference/reference_model.ts";
import { runReference } from "../reference/reference.ts";
import { readFloats, writeFloats } from "../reference/stage_files.ts";
import { VariantManifestSchema } from "../record/variant.ts";
import { EFFECTIVE_PRECISIONS } from "../record/precision.ts";
import { launchStages } from "./check.ts";
import type { DeviceSession } from "./session.ts";
import { failureRecord, readRecords } from "../record/record_log.ts";
import { loadRunImage, writeRgbFile } from "../images/rgb_files.ts";

/** What the folder of one variant's blobs holds besides them. */
const LayerFolderSchema = z.strictObject({
  schemaVersion: z.literal(1),
  runId: z.string(),
  device: z.string(),
  imageId: z.string(),
  precisionEffective: z.enum(EFFECTIVE_PRECISIONS),
  inputWidthPx: z.int().positive(),
  inputHeightPx: z.int().positive(),
  manifest: VariantManifestSchema,
});

const FILES = {
  about: "about.json",
  param: "model.param",
  reference: "reference.onnx",
  input: "input.f32",
  /** Only where a layer is beyond its tolerance. */
  drawing: "verdicts.svg",
} as const;

/**
 * Returns the drawing of a variant's graph by the verdicts of its layers; null where all were
 * within tolerance, or it was removed.
 */
export async function readLayerDrawing(
  runDir: string,
  device: string,
  variantId: string,
): Promise<string | null> {
  try {
    return await Deno.readTextFile(
      path.join(layerFolder(runDir, device, variantId), FILES.drawing),
    );
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return null;
    throw cause;
  }
}

/** Returns the folder of a variant's blobs within that of the run. */
export function layerFolder(runDir: string, device: string, variantId: string): string {
  return path.join(runDir, "layers", device.replace(/[^\w.-]+/g, "_"), variantId);
}

/**
 * Dumps all blobs of every variant on the run's first image into its folder `out`, compares them,
 * and appends a record for each that has none yet.
 *
 * A launch that fails is recorded as a failure and costs nothing else. Throws `HarnessError` when
 * the device or the disk can't go on.
 */
export async function checkLayers(
  session: DeviceSession,
  out: string,
): Promise<void> {
  const { setup, variants, experiment: { context, record, log, earlier } } = session;
  const { serial } = setup.device;
  const step = context.progress.step(`${serial}: comparing layer by layer`);
  const known = new Set(
    earlier.filter((each) => each.kind === "layer-parity" && each.device === serial)
      .map((each) => (each as LayerParityRecord).variantId),
  );
  const { records } = readRecords(log.path);
  for (const [index, variant] of variants.entries()) {
    const { id } = variant.manifest;
    if (known.has(id)) continue;
    step.update(index / variants.length, id);
    const precision = precisionOf(records, serial, id);
    if (precision === null) continue;
    try {
      const folder = await dumpLayers(session, out, variant, precision);
      const compared = await compareLayerFolder(folder);
      if (compared.record.failed > 0) {
        await Deno.writeTextFile(path.join(folder, FILES.drawing), compared.svg);
      }
      log.append(compared.record);
    } catch (error) {
      if (!isLaunchFailure(error)) throw error;
      const about = { runId: record.runId, device: serial, variantId: id, round: 0 };
      log.append(failureRecord(about, error, "layer by layer: "));
    }
  }
  step.done();
}

/** The precision in which the variant ran; null when it did not. */
function precisionOf(records: readonly AnyRecord[], device: string, variantId: string) {
  const ran = records.find((record) =>
    record.kind === "parity" && record.device === device && record.variantId === variantId
  );
  return ran?.kind === "parity" ? ran.precisionEffective : null;
}

/**
 * Runs the variant's stages with all blobs dumped, and returns the folder that holds what a
 * comparison needs.
 */
async function dumpLayers(
  { setup, experiment: { settings, context, record, dataset, work } }: DeviceSession,
  out: string,
  { manifest, dir }: PreparedVariant,
  precisionEffective: typeof EFFECTIVE_PRECISIONS[number],
): Promise<string> {
  const [image] = record.images;
  const pixels = await loadRunImage(dataset.images.find(({ id }) => id === image.id)!, image);
  const options = {
    scoreThreshold: setup.options.scoreThreshold,
    nmsIou: setup.options.nmsIou,
    maxDetections: setup.options.maxDetections,
  };
  const param = path.join(dir, manifest.param.file);
  const reference = referenceFile({ manifest, dir })!;
  await using model = await openReferenceModel(reference, { threads: null });
  const found = await runReference(pixels, manifest.shape, model, rawSpec(manifest), options);
  const { blobs } = parseParam(await Deno.readTextFile(param), param);
  const folder = layerFolder(out, setup.device.serial, manifest.id);
  try {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.copyFile(param, path.join(folder, FILES.param));
    await Deno.copyFile(reference, path.join(folder, FILES.reference));
    await writeFloats(path.join(folder, FILES.input), found.tensor);
    const about: z.infer<typeof LayerFolderSchema> = {
      schemaVersion: 1,
      runId: record.runId,
      device: setup.device.serial,
      imageId: image.id,
      precisionEffective,
      inputWidthPx: found.geometry.widthPx,
      inputHeightPx: found.geometry.heightPx,
      manifest,
    };
    await Deno.writeTextFile(path.join(folder, FILES.about), JSON.stringify(about, null, 2) + "\n");
    await launchStages(setup, manifest, {
      files: [await writeRgbFile(image, pixels, work)],
      references: new Map([[image.id, found]]),
      options,
      name: `layers-${manifest.id}`,
      dumpBlobs: blobs,
      folder: work,
      limits: { timeoutMs: settings.launchTimeoutMs, signal: context.signal },
    }, async (pull, dumps) => {
      await pull("index.tsv");
      const index = await Deno.readTextFile(path.join(dumps, "index.tsv"));
      for (const line of index.split("\n").filter((line) => line !== "")) {
        const [file] = line.split("\t");
        await pull(file);
        await Deno.copyFile(path.join(dumps, file), path.join(folder, path.basename(file)));
      }
      await Deno.writeTextFile(path.join(folder, "index.tsv"), index);
    });
  } catch (cause) {
    if (cause instanceof HarnessError) throw cause;
    throw asWriteError(cause, folder);
  }
  return folder;
}

/** A folder of blobs, compared. */
export interface ComparedLayers {
  record: LayerParityRecord;
  /** All comparisons; the record holds those that say most. */
  report: LayersReport;
  /** The graph as SVG, each layer coloured by its verdict. */
  svg: string;
}

/** Comparisons in a record, at most: the worst ones. */
const RECORDED = 20;

/**
 * Returns the comparison of the blobs in a folder that {@linkcode checkLayers} left, with nothing
 * else at hand.
 *
 * Throws `HarnessError`: `bad-record` when the folder holds no blobs or its description is broken,
 * `bad-device-output` when one is missing, `bad-model` and `bad-param` for its graphs.
 */
export async function compareLayerFolder(folder: string): Promise<ComparedLayers> {
  const aboutFile = path.join(folder, FILES.about);
  let text: string;
  try {
    text = await Deno.readTextFile(aboutFile);
  } catch (cause) {
    throw new HarnessError(
      "bad-record",
      `Cannot compare the layers in ${folder}: found no ${FILES.about} there, expected a folder that "deno task bench --compare-layers" left: DIR/layers/DEVICE/VARIANT`,
      { cause },
    );
  }
  const about = parseStrictly(LayerFolderSchema, text, aboutFile);
  const { manifest, precisionEffective } = about;
  const size = { widthPx: about.inputWidthPx, heightPx: about.inputHeightPx };
  const param = path.join(folder, FILES.param);
  const { layers } = parseParam(await Deno.readTextFile(param), param);
  const { model } = await readOnnxFile(path.join(folder, FILES.reference));
  const input = await readFloats(path.join(folder, FILES.input));
  if (input?.length !== 3 * size.widthPx * size.heightPx) {
    throw new HarnessError(
      "bad-record",
      `Cannot compare the layers in ${folder}: ${FILES.input} holds ${
        input?.length ?? "no"
      } values, expected 3 × ${size.heightPx} × ${size.widthPx}: run bench with --compare-layers again`,
    );
  }
  const tensors = await intermediateTensors(model, input, size, storageOf(precisionEffective), {
    threads: null,
    halfWeights: halfWeightsOf(manifest),
  });
  const dumps = await readLayerDumps(folder, about.imageId);
  const report = compareLayers(layers, dumps, tensors, precisionEffective, dotLengths(model));
  const graph = await readGraph(param, [3, size.heightPx, size.widthPx]);
  const named = { name: manifest.id, graph, fileBytes: null };
  const excess = ({ maxAbs, maxAllowed }: LayersReport["layers"][number]) =>
    maxAbs === null || !maxAllowed ? Infinity : maxAbs / maxAllowed;
  return {
    report,
    svg: drawVerdicts(named, layerVerdicts(graph.layers.length, report)),
    record: {
      kind: "layer-parity",
      schemaVersion: RECORD_VERSION,
      runId: about.runId,
      device: about.device,
      variantId: manifest.id,
      imageId: about.imageId,
      precisionEffective,
      compared: report.compared,
      failed: report.layers.filter(({ verdict }) => verdict === "fail").length,
      firstBeyond: report.firstBeyond,
      worst: report.layers.filter(({ verdict }) => verdict !== "not-compared")
        .toSorted((a, b) => excess(b) - excess(a)).slice(0, RECORDED),
    },
  };
}

/** Returns the comparison in words, for the terminal. */
export function layersText({ record, report }: ComparedLayers): string {
  const first = record.firstBeyond;
  const lines = [
    `${record.variantId} on ${record.device}, image ${record.imageId}, ran as ${record.precisionEffective}: ${record.compared} blobs compared, ${record.failed} beyond their tolerance`,
    ...(report.loose === 0 ? [] : [
      `${report.loose} of them have a tolerance as large as their own values: that they pass tells nothing, judge by the keypoints`,
    ]),
    first === null
      ? "no layer is beyond its tolerance"
      : `first beyond its tolerance: ${first.type} "${first.layer}" (layer ${first.index}, blob ${first.blob} against ${first.tensor}): ${
        figure(first.maxAbs)
      } of ${figure(first.maxAllowed)}`,
    "",
    "layer  type  blob  against  max difference  tolerance  verdict",
    ...report.layers.map((each) =>
      [
        ...[each.layer, each.type, each.blob, each.tensor ?? "-"],
        ...[figure(each.maxAbs), figure(each.maxAllowed), each.verdict],
      ].join("  ")
    ),
  ];
  return lines.join("\n") + "\n";
}

function figure(value: number | null): string {
  return value === null ? "-" : value.toExponential(2);
}
