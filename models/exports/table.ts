/**
 * The table of models of many structures: prepared, how near the keypoints are to the ONNX file's
 * own, AP beside pycocotools, fp16, and arm64.
 *
 * Run as `deno run -A models/exports/table.ts --zoo ZOO --shared SHARED --python PYTHON --out OUT
 * [--device SERIAL] [NAME…]` after `make_zoo.py ZOO`; SHARED has real weights (`models/`) and
 * photographs (`data/coco/`), PYTHON has requirements.txt. With a device its columns are of that
 * device.
 *
 * @module
 */
import { parseArgs } from "node:util";
import * as path from "@std/path";
import type { Report } from "../../harness/report/report_json.ts";
import { readRecords } from "../../harness/record/record_log.ts";
import { markdownTable } from "../../harness/text/table.ts";

const ROOT = path.resolve(import.meta.dirname!, "../..");

/** A row: the file, and whether it has real weights. */
interface Row {
  name: string;
  file: string;
  isReal: boolean;
}

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    zoo: { type: "string", default: "zoo" },
    shared: { type: "string", default: "../shared" },
    python: { type: "string", default: "python3" },
    out: { type: "string", default: "table" },
    device: { type: "string" },
  },
});

const real = (name: string, file: string): Row => ({
  name,
  file: path.resolve(values.shared, "models", file),
  isReal: true,
});
const random = (name: string, file: string): Row => ({
  name,
  file: path.resolve(values.zoo, `${file}.onnx`),
  isReal: false,
});

const ROWS = [
  real("YOLOv8n-pose", "yolov8n-pose-silu.onnx"),
  real("YOLO11n-pose", "yolo11n-pose-silu.onnx"),
  real("YOLO26n-pose, one-to-many", "yolo26n-pose-o2m.onnx"),
  random("YOLO26n-pose, one-to-one", "yolo26-o2o"),
  random("YOLOv8-pose with P6", "yolov8-p6"),
  random("hand, 21 joints", "hand21"),
  random("object, 4 joints, 3 classes", "object4"),
  random("with CBAM", "cbam"),
  random("with C3TR", "c3tr"),
  random("detection, 8 classes", "detection"),
];

async function output(command: string, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args, cwd: ROOT }).output();
  const text = new TextDecoder().decode(stdout);
  // 1: a variant fails parity, which is a result
  if (code !== 0 && code !== 1) throw new Error(new TextDecoder().decode(stderr).slice(-600));
  return text;
}

/** AP that pycocotools gives what the file's own graph finds. */
async function ownAp(row: Row, images: string): Promise<number> {
  const truth = row.isReal
    ? path.join(values.shared, "data", "coco", "person_keypoints.json")
    : path.join(ROOT, "fixtures", "person_keypoints.json");
  const args = [path.join(ROOT, "models/exports/own_decode.py"), row.file, path.resolve(truth)];
  const asTruth = row.isReal
    ? []
    : ["--as-annotations", path.join(images, "person_keypoints.json")];
  const text = await output(values.python, [...args, path.join(images, "images"), ...asTruth]);
  return JSON.parse(text.trim().split("\n").at(-1)!).ap;
}

/** Folder with the pictures of a row and its annotations. */
async function imagesOf(row: Row): Promise<string> {
  if (row.isReal) return path.resolve(values.shared, "data", "coco");
  const folder = path.resolve(values.out, "images", path.basename(row.file, ".onnx"));
  await Deno.mkdir(folder, { recursive: true });
  await Deno.remove(path.join(folder, "images")).catch(() => {});
  await Deno.symlink(path.join(ROOT, "fixtures", "images"), path.join(folder, "images"));
  return folder;
}

const px = (value: number | null) => value === null ? "–" : value.toPrecision(2);

/**
 * Mean and largest distance of joints in the network's input (without joints, least IoU) over all
 * images of a variant.
 */
function gapOf(report: Report, distances: ReadonlyMap<string, number[]>, id: string): string {
  const { parity, variant } = report.variants.find((each) => each.id === id)!;
  if (variant.keypointCount === 0) return `IoU ${parity.minOks?.toFixed(5) ?? "–"}`;
  const all = distances.get(id) ?? [];
  if (all.length === 0) return "–";
  const mean = all.reduce((a, b) => a + b, 0) / all.length;
  return `${px(mean)} / ${px(all.reduce((a, b) => Math.max(a, b), 0))} px`;
}

async function cellsOf(row: Row): Promise<string[]> {
  const images = await imagesOf(row);
  const own = await ownAp(row, images);
  const device = values.device === undefined ? [] : ["--device", values.device];
  const folder = path.resolve(values.out, "runs", path.basename(row.file, ".onnx"));
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  const few = values.device === undefined ? ["24"] : ["4"];
  // bars in pixels of trained models: random weights answer to the derived tolerance alone
  const bars = row.isReal ? [] : ["--max-px", "100000", "--min-oks", "0"];
  await output(Deno.execPath(), [
    ...["run", "-A", "--no-check", path.join(ROOT, "harness", "main.ts"), "bench"],
    ...["--model", row.file, "--images", images, "--precision", "fp32,fp16", ...device],
    ...["--rounds", "1", "--iterations", "1", "--warmup", "0", "--benchncnn-rounds", "0"],
    ...["--threads", "1", "--stage-images", ...few, "--measure-images", "1", "--out", folder],
    ...bars,
  ]);
  const report: Report = JSON.parse(await Deno.readTextFile(path.join(folder, "report.json")));
  const distances = new Map<string, number[]>();
  for (const record of (await readRecords(path.join(folder, "records.jsonl"))).records) {
    if (record.kind !== "parity") continue;
    const known = distances.get(record.variantId) ?? [];
    const image = report.images.find(({ id }) => id === record.imageId)!;
    const { shape } = report.variants.find(({ id }) => id === record.variantId)!.variant;
    const scale = Math.min(shape.widthPx / image.widthPx, shape.heightPx / image.heightPx);
    for (const { distancesPx } of record.matches) {
      known.push(...distancesPx.map((distance) => distance * scale));
    }
    distances.set(record.variantId, known);
  }
  const told = report.variants.map(({ id, parity, precision, accuracy }) => ({
    precision,
    accuracy,
    text: `${parity.verdict}, ${gapOf(report, distances, id)}`,
  }));
  const [full, half] = told;
  return [
    row.name,
    "yes",
    full.text,
    `${full.accuracy?.ap.toFixed(4) ?? "–"} / ${own.toFixed(4)}`,
    `${half.precision.effective}: ${half.text}`,
  ];
}

const rows: string[][] = [];
for (const row of ROWS) {
  const file = path.basename(row.file, ".onnx");
  if (positionals.length > 0 && !positionals.includes(file)) continue;
  try {
    rows.push(await cellsOf(row));
  } catch (error) {
    rows.push([row.name, "no", (error as Error).message.trim().split("\n").at(-1)!, "", ""]);
  }
  console.error(rows.at(-1)!.join(" | "));
}
const where = values.device === undefined ? "this machine" : values.device;
console.log(markdownTable(
  ["model", "prepared", `fp32 on ${where}: gap mean / largest`, "AP / own decode's", "fp16"],
  rows,
));
