/**
 * Records on disk → `report.json`, `report.html` and `detections/`.
 *
 * @module
 */
import * as path from "@std/path";
import sharp from "sharp";
import type { Warning } from "../errors.ts";
import type { PreparedVariant } from "../model/prepare.ts";
import { apDifference } from "../parity/ap_difference.ts";
import type { CocoAnnotations } from "../pose/coco_annotations.ts";
import { evaluateKeypoints } from "../pose/coco_eval.ts";
import { type CocoResult, toCocoResults } from "../pose/results.ts";
import type { DetectionsRecord, RunImage } from "../records.ts";
import { type DatasetImage, loadImage } from "../reference/images.ts";
import {
  type Accuracy,
  buildReport,
  type RunRecords,
  sortRecords,
} from "../report/build_report.ts";
import type { Report } from "../report/report_json.ts";
import { writeReport } from "../report/write_report.ts";
import { reportGraphs, reportLayerTimes } from "./graphs.ts";
import { readLayerDrawing } from "./layer_parity.ts";
import { asWriteError, readRecords } from "./record_log.ts";

/** What judging needs beside the records. */
export interface JudgeInput {
  images: Map<string, DatasetImage>;
  annotations: CocoAnnotations | null;
  variants: PreparedVariant[];
  warnings: Warning[];
}

/** Long side of the gallery's pictures, pixels. */
const THUMBNAIL_PX = 640;

/** Returns the report of the run in `out` and writes everything that follows from its records there. */
export async function judge(out: string, input: JudgeInput): Promise<Report> {
  const records = sortRecords(readRecords(path.join(out, "records.jsonl")).records);
  await writeDetections(out, records);
  const draft = {
    accuracy: accuracies(records, input.annotations),
    thumbnails: new Map<string, string>(),
    graphs: await reportGraphs(input.variants),
    layerDrawings: await layerDrawings(out, records.layerParity),
    layerTimes: await reportLayerTimes(records.layerTimes, input.variants),
    warnings: input.warnings,
  };
  const shown = buildReport(records, draft).gallery.map(({ imageId }) => imageId);
  for (const id of new Set(shown)) {
    draft.thumbnails.set(id, await thumbnail(input.images.get(id)!));
  }
  const report = buildReport(records, draft);
  const file = path.join(out, "report.json");
  try {
    await Deno.writeTextFile(file, JSON.stringify(report) + "\n");
  } catch (cause) {
    throw asWriteError(cause, file);
  }
  await writeReport(out);
  return report;
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

/** The id under which an image's detections stand in result files: COCO's, else the place in the run, from 1. */
function resultImageId(image: RunImage, index: number): number {
  return image.cocoImageId ?? index + 1;
}

function cocoResults(
  images: RunImage[],
  records: DetectionsRecord[],
  of: (record: DetectionsRecord) => DetectionsRecord["detections"],
): CocoResult[] {
  const byImage = new Map(records.map((record) => [record.imageId, record]));
  return images.flatMap((image, index) => {
    const record = byImage.get(image.id);
    return record ? toCocoResults(resultImageId(image, index), of(record)) : [];
  });
}

/** Detections of one variant on one device. */
function detectionGroups(records: RunRecords): Map<string, DetectionsRecord[]> {
  return Map.groupBy(records.detections, (record) => `${record.device} ${record.variantId}`);
}

/** `detections/<variant>.json`; with several devices `detections/<device>/<variant>.json`. */
async function writeDetections(out: string, records: RunRecords): Promise<void> {
  const { run } = records;
  const several = run.devices.length > 1;
  for (const group of detectionGroups(records).values()) {
    const { device, variantId } = group[0];
    const folder = path.join(out, "detections", several ? device.replace(/[^\w.-]+/g, "_") : "");
    const file = path.join(folder, `${variantId}.json`);
    try {
      await Deno.mkdir(folder, { recursive: true });
      const results = cocoResults(run.images, group, (record) => record.detections);
      await Deno.writeTextFile(file, JSON.stringify(results) + "\n");
    } catch (cause) {
      throw asWriteError(cause, file);
    }
  }
}

/** Accuracy by `device variantId`; empty without annotations. */
function accuracies(
  records: RunRecords,
  annotations: CocoAnnotations | null,
): Map<string, Accuracy> {
  const accuracy = new Map<string, Accuracy>();
  if (annotations === null) return accuracy;
  const { images } = records.run;
  for (const [key, group] of detectionGroups(records)) {
    if (group.length < images.length) continue;
    const candidate = cocoResults(images, group, (record) => record.detections);
    const reference = cocoResults(images, group, (record) => record.reference);
    const { AP, AP50, AP75 } = evaluateKeypoints(annotations, candidate);
    if (AP < 0) continue; // nothing is annotated: COCO's figures are -1
    accuracy.set(key, {
      ap: AP,
      ap50: AP50,
      ap75: AP75,
      referenceAp: evaluateKeypoints(annotations, reference).AP,
      difference: apDifference(annotations, candidate, reference),
    });
  }
  return accuracy;
}

/** Returns the picture as a WebP data URI, small enough for the report. */
async function thumbnail(image: DatasetImage): Promise<string> {
  const { rgb, widthPx, heightPx } = await loadImage(image);
  const picture = await sharp(rgb, { raw: { width: widthPx, height: heightPx, channels: 3 } })
    .resize({ width: THUMBNAIL_PX, height: THUMBNAIL_PX, fit: "inside", withoutEnlargement: true })
    .webp({ quality: 60 }).toBuffer();
  return `data:image/webp;base64,${picture.toString("base64")}`;
}
