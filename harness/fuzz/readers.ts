/**
 * The readers of what comes from elsewhere, each with texts to begin with: what a fuzzer changes.
 *
 * A reader keeps its promise when it returns, or throws an error that a user can act on.
 *
 * @module
 */
import * as path from "@std/path";
import { parseAndroidDescription, parseGetprop } from "../device/adb/describe.ts";
import { parseAndroidState } from "../device/adb/state.ts";
import { parseDeviceList } from "../device/adb/words.ts";
import { parseLinuxDescription, parseLinuxState } from "../device/host/describe.ts";
import { parseLaunchStatus } from "../device/shell/launch_script.ts";
import { HarnessError } from "../errors.ts";
import { parseJobsJson, parseNodesJson } from "../farm/slurm/json.ts";
import { parseNodes, parseQueue } from "../farm/slurm/slurm.ts";
import { parseGateConfig } from "../gate/config.ts";
import { readHeader } from "../images/picture_header.ts";
import { parseParam } from "../model/ncnn/param_file.ts";
import { decodeOnnx, encodeOnnx } from "../model/onnx/onnx_file.ts";
import { tinyPose } from "../model/testdata/tiny_pose.ts";
import { parseAnnotations } from "../pose/read_annotations.ts";
import { parseRecord } from "../record/records.ts";
import { parseStrictly } from "../record/strict_json.ts";
import { textOfV010 } from "../record/testdata/v0_1_0.ts";
import { parseVariantId } from "../record/variant.ts";
import { ReportSchema } from "../report/report_json.ts";
import { readElf } from "../toolchain/elf.ts";

/** One reader. */
export interface Reader {
  name: string;
  /** What it is made to read, before it is changed. */
  seeds(): Promise<Uint8Array[]>;
  /** Reads bytes; may throw what {@linkcode isTold} says is told. */
  read(bytes: Uint8Array): unknown;
}

/** Returns whether an error is one that a reader may throw. */
export function isTold(error: unknown): boolean {
  return error instanceof HarnessError;
}

const ROOT = path.resolve(import.meta.dirname!, "..", "..");
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const file = (name: string) => Deno.readFile(path.join(ROOT, name));

/** A reader of text. */
function ofText(name: string, read: (text: string) => unknown, ...texts: string[]): Reader {
  return {
    name,
    seeds: () => Promise.resolve(texts.map((text) => encoder.encode(text))),
    read: (bytes) => read(decoder.decode(bytes)),
  };
}

/** A reader of text whose seeds are files of the repository. */
function ofFiles(name: string, read: (text: string) => unknown, ...files: string[]): Reader {
  return { ...ofText(name, read), seeds: () => Promise.all(files.map(file)) };
}

const RECORDINGS = "harness/device/testdata/emulated/recordings/android14";
const SLURM = "harness/farm/slurm/testdata";
const PHONE = "@@posemark uid\n2000\n@@posemark cpuinfo\nprocessor: 0\nFeatures: asimd\n" +
  "@@posemark cores\n0 1800000 300000 walt -\n@@posemark online\n0-3,5\n" +
  "@@posemark getprop\n[ro.product.model]: [Pixel]\n@@posemark meminfo\nMemTotal: 1 kB\n";
const STATE = "@@posemark frequencies\n0 1 2 walt\n@@posemark zones\n41200 cpu-0\n" +
  "@@posemark processes\ncpu  1 2 3 4 5 6 7 8\n1 (a b) c) S 1 1 1 0 -1 0 0 0 0 0 5 5 0 0\n" +
  "@@posemark loadavg\n1.0 2\n@@posemark uptime\n6.3 4\n";

/** All readers. */
export const READERS: readonly Reader[] = [
  {
    name: "onnx",
    seeds: () => Promise.resolve([encodeOnnx(tinyPose())]),
    read: (bytes) => decodeOnnx(bytes, "fuzz"),
  },
  ofText(
    "param",
    (text) => parseParam(text, "fuzz"),
    "7767517\n3 4\nInput in0 0 1 in0 0=8 1=8 2=3\nConvolution c 1 1 in0 a 0=4 1=3 6=108 -23310=1,0.1\n" +
      "Split s 1 2 a b c\n",
  ),
  {
    ...ofText("record", (text) => text.split("\n").map((line) => parseRecord(line, "fuzz"))),
    seeds: async () =>
      (await textOfV010("gate.records.jsonl")).split("\n").slice(0, 4)
        .map((line) => encoder.encode(line)),
  },
  {
    ...ofText("report", (text) => parseStrictly(ReportSchema, text, "fuzz")),
    seeds: async () => [encoder.encode(await textOfV010("bench.report.json"))],
  },
  ofFiles(
    "annotations",
    (text) => parseAnnotations(text, "fuzz"),
    "fixtures/person_keypoints.json",
  ),
  ofText(
    "config",
    (text) => parseGateConfig(text, "fuzz"),
    '{"gate":{"thresholdsPercent":{"total.p50":5},"maxApDrop":0.02,"devices":{"a":{"budgetSeconds":1}}}}',
  ),
  ofText(
    "variant-id",
    parseVariantId,
    "m.silu.raw.fp16.640x640.pnnx",
    "m.relu-speedonly.raw.o2o.int8.rect640.pnnx",
  ),
  ofText(
    "adb-devices",
    parseDeviceList,
    "List of devices attached\nR5 device product:a model:b\nx (2) no permissions\n",
  ),
  ofFiles("getprop", parseGetprop, `${RECORDINGS}/getprop.txt`),
  ofText("android", (text) => parseAndroidDescription("fuzz", text), PHONE),
  ofText("android-state", (text) => parseAndroidState(text, "now"), STATE),
  ofText("linux", (text) => parseLinuxDescription(text), PHONE),
  ofText("linux-state", (text) => parseLinuxState(text, "now"), STATE),
  ofText(
    "launch",
    parseLaunchStatus,
    `@@posemark exit\nposemark-end 0 12 ${"0".repeat(64)} end\n@@posemark errors\nx`,
  ),
  ofFiles("slurm-queue", (text) => parseQueue(text, ["5+0"]), `${SLURM}/squeue-columns.txt`),
  ofText("slurm-nodes", parseNodes, "phone1|idle|none|soc.a,abi.b\n"),
  ofFiles(
    "slurm-jobs-json",
    parseJobsJson,
    `${SLURM}/squeue-21.08.json`,
    `${SLURM}/squeue-25.05.json`,
  ),
  ofFiles(
    "slurm-nodes-json",
    parseNodesJson,
    `${SLURM}/sinfo-21.08.json`,
    `${SLURM}/sinfo-24.11.json`,
  ),
  {
    name: "elf",
    seeds: async () => [(await Deno.readFile(Deno.execPath())).slice(0, 4096)],
    read: readElf,
  },
  {
    name: "picture-header",
    seeds: async () => {
      const folder = path.join(ROOT, "fixtures", "images");
      const [first] = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile);
      return [(await Deno.readFile(path.join(folder, first.name))).slice(0, 2048)];
    },
    read: readHeader,
  },
];
