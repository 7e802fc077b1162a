/**
 * Records on disk → `report.json` and `detections/`.
 *
 * @module
 */
import * as path from "@std/path";
import sharp from "sharp";
import { asWriteError } from "../disk.ts";
import type { Warning } from "../errors.ts";
import type { PreparedVariant } from "../model/prepare.ts";
import type { CocoAnnotations } from "../pose/coco_annotations.ts";
import { flipPairsOf } from "../pose/joints.ts";
import type { VariantManifest } from "../record/variant.ts";
import type { ImageDataset } from "../images/dataset.ts";
import { type DatasetImage, loadImage } from "../images/load_image.ts";
import { buildReport, shownImageIds } from "../report/build_report.ts";
import { type RunRecords, sortRecords } from "../record/run_records.ts";
import type { Report } from "../report/report_json.ts";
import { accuraciesOf, detectionGroups, groundTruths, resultsOfRun } from "../parity/accuracy.ts";
import { reportGraphs, reportLayerTimes } from "./graphs.ts";
import { readLayerDrawing } from "../run/layer_parity.ts";
import { readRecords } from "../record/record_log.ts";

/** What judging needs beside the records. */
export interface JudgeInput {
  dataset: ImageDataset;
  variants: PreparedVariant[];
  warnings: Warning[];
}

/** Long side of the gallery's pictures, pixels. */
const THUMBNAIL_PX = 640;

/**
 * Returns the report of the run in `out` and writes it and the detections there; the page is
 * written by `writeReport()`.
 */
export async function judge(out: string, input: JudgeInput): Promise<Report> {
  const records = sortRecords(readRecords(path.join(out, "records.jsonl")).records);
  const { dataset } = input;
  const images = new Map(dataset.images.map((image) => [image.id, image]));
  await writeDetections(out, records, dataset.annotations);
  const { accuracy, absent, warnings } = accuraciesOf(records, dataset);
  const thumbnails = new Map<string, string>();
  for (const id of shownImageIds(records)) {
    thumbnails.set(id, await thumbnail(images.get(id)!));
  }
  const report = buildReport(records, {
    accuracy,
    accuracyAbsent: absent,
    skeletons: skeletonsOf(records.run.variants, dataset.annotations),
    thumbnails,
    graphs: await reportGraphs(input.variants),
    layerDrawings: await layerDrawings(out, records.layerParity),
    layerTimes: await reportLayerTimes(records.layerTimes, input.variants),
    warnings: [...input.warnings, ...warnings],
  });
  const file = path.join(out, "report.json");
  try {
    await Deno.writeTextFile(file, JSON.stringify(report) + "\n");
  } catch (cause) {
    throw asWriteError(cause, file);
  }
  return report;
}

/** What the joints of the models are called and how they are joined, by their number. */
function skeletonsOf(
  variants: readonly VariantManifest[],
  annotations: CocoAnnotations | null,
): Report["skeletons"] {
  const counts = new Set(variants.map(({ keypointCount }) => keypointCount));
  return [...counts].flatMap((keypointCount): Report["skeletons"] => {
    const fitting = (annotations?.categories ?? [])
      .filter(({ jointCount }) => jointCount === keypointCount);
    const category = fitting.find(({ skeleton }) => skeleton.length > 0) ??
      fitting.find(({ jointNames }) => jointNames !== null) ?? fitting.at(0);
    const model = variants.find((each) => each.keypointCount === keypointCount);
    const names = category?.jointNames ?? model?.keypointNames ?? null;
    const bones = category?.skeleton ?? [];
    if (keypointCount === 0 || (names === null && bones.length === 0)) return [];
    const pair = ([a, b]: readonly [number, number]): [number, number] => [a, b];
    return [{
      keypointCount,
      jointNames: names === null ? null : [...names],
      bones: bones.map(pair),
      flipPairs: (category?.flipPairs ?? flipPairsOf(names ?? [])).map(pair),
    }];
  });
}

/** Drawings of the graphs with a layer beyond its tolerance, by `device variantId`. */
async function layerDrawings(
  out: string,
  records: RunRecords["layerParity"],
): Promise<Map<string, string>> {
  const drawings = new Map<string, string>();
  for (const { device, variantId } of records) {
    const svg = await readLayerDrawing(out, device, variantId);
    if (svg !== null) drawings.set(`${device} ${variantId}`, svg);
  }
  return drawings;
}

/** `detections/<variant>.json`; with several devices `detections/<device>/<variant>.json`. */
async function writeDetections(
  out: string,
  records: RunRecords,
  annotations: CocoAnnotations | null,
): Promise<void> {
  const { run } = records;
  const several = run.devices.length > 1;
  const truthOf = annotations === null ? null : groundTruths(annotations);
  const ownIds = new Map(annotations?.images.map(({ id, ownId }) => [id, ownId]));
  for (const group of detectionGroups(records).values()) {
    const { device, variantId } = group[0];
    const folder = path.join(out, "detections", several ? device.replace(/[^\w.-]+/g, "_") : "");
    const file = path.join(folder, `${variantId}.json`);
    try {
      await Deno.mkdir(folder, { recursive: true });
      const manifest = run.variants.find(({ id }) => id === variantId);
      const classes = manifest === undefined ? null : truthOf?.(manifest).classes ?? null;
      const results = resultsOfRun(run, group, classes, (record) => record.candidate)
        // as the annotations have them, so that other tools match them
        .map((entry) => ({ ...entry, image_id: ownIds.get(entry.image_id) ?? entry.image_id }));
      await Deno.writeTextFile(file, JSON.stringify(results) + "\n");
    } catch (cause) {
      throw asWriteError(cause, file);
    }
  }
}

/** Returns the picture as a WebP data URI, small enough for the report. */
async function thumbnail(image: DatasetImage): Promise<string> {
  const { rgb, widthPx, heightPx } = await loadImage(image);
  const picture = await sharp(rgb, { raw: { width: widthPx, height: heightPx, channels: 3 } })
    .resize({ width: THUMBNAIL_PX, height: THUMBNAIL_PX, fit: "inside", withoutEnlargement: true })
    .webp({ quality: 60 }).toBuffer();
  return `data:image/webp;base64,${picture.toString("base64")}`;
}
