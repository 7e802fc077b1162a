import { assertEquals, assertThrows } from "@std/assert";
import {
  readRunnerOptions,
  RUNNER_OPTIONS,
  runnerArguments,
  type RunnerOptionName,
  RunnerOptionsSchema,
} from "./runner_options.ts";
import { HarnessError } from "../errors.ts";
import { namedSwitches, type Precision, PRECISION_NAMES } from "../record/precision.ts";
import { runnerOptions } from "./testdata/records.ts";

const NAMES = Object.keys(RUNNER_OPTIONS) as RunnerOptionName[];

/** Returns the flag of an option, as the runner has it. */
function flagOf(name: RunnerOptionName): string {
  return RUNNER_OPTIONS[name].flags.split(" ")[0];
}

/** Returns the table of the runner's options. */
function runnerTable(): Promise<string> {
  return Deno.readTextFile(new URL("../../runner-cpp/options.inc", import.meta.url));
}

/** Returns the value that an option has when it is not given, and when it is given as the text. */
function valueOf(name: RunnerOptionName, text: string | undefined = RUNNER_OPTIONS[name].default) {
  return RUNNER_OPTIONS[name].read(text);
}

Deno.test("RunnerOptionsSchema has the defaults of the command line, and reads what it wrote", () => {
  const byDefault = Object.fromEntries(NAMES.map((name) => [name, valueOf(name)]));
  assertEquals({ ...RunnerOptionsSchema.parse({}) }, byDefault);
  const options = runnerOptions({ threads: 3, coreMask: "f0", winograd: false });
  assertEquals({ ...RunnerOptionsSchema.parse(JSON.parse(JSON.stringify(options))) }, options);
});

Deno.test("RunnerOptionsSchema refuses exactly the numbers that the command line refuses", () => {
  const cases: [RunnerOptionName, number][] = [
    ["threads", 0],
    ["threads", 257],
    ["threads", 1.5],
    ["powersave", 3],
    ["warmup", -1],
    ["warmup", 100_001],
    ["iterations", 0],
    ["iterations", 1_000_001],
    ["maxDetections", 0],
    ["maxDetections", 100_001],
    ["nmsIou", 0],
    ["nmsIou", 1],
    ["scoreThreshold", 1],
  ];
  for (const [name, value] of cases) {
    assertThrows(
      () => valueOf(name, String(value)),
      HarnessError,
      RUNNER_OPTIONS[name].flags.split(" ")[0],
    );
    assertEquals(
      RunnerOptionsSchema.safeParse({ [name]: value }).success,
      false,
      `${name} ${value}`,
    );
  }
});

Deno.test("runnerArguments() gives each option that is not null by its flag, switches as on and off", () => {
  const options = runnerOptions({ threads: 2, powersave: 0, coreMask: null, sgemm: false });
  assertEquals(runnerArguments(options, ["threads", "coreMask", "powersave", "sgemm", "packing"]), [
    ...["--threads", "2", "--powersave", "0", "--sgemm", "off", "--packing", "on"],
  ]);
  const words = runnerArguments(readRunnerOptions(options));
  assertEquals(words[words.indexOf("--max-detections") + 1], "300");
});

Deno.test("RUNNER_OPTIONS takes the whole numbers that the runner takes, as runner-cpp/options.inc has them", async () => {
  const text = await runnerTable();
  const rows = text.matchAll(/^POSEMARK_INTEGER\("([^"]+)", [\w.]+, (\d+), (\d+)\)$/gm);
  const limits = new Map([...rows].map(([, flag, least, largest]) => [flag, [+least, +largest]]));
  const compared: string[] = [];
  for (const name of NAMES) {
    const flag = flagOf(name);
    const [least, largest] = limits.get(flag) ?? [];
    if (least === undefined) continue;
    compared.push(name);
    // a run of stages has no iterations; the commands always time one
    const first = name === "iterations" ? 1 : least;
    for (const value of [first, largest]) assertEquals(valueOf(name, String(value)), value);
    for (const value of [first - 1, largest + 1]) {
      assertThrows(() => valueOf(name, String(value)), HarnessError);
    }
  }
  assertEquals(compared, [
    ...["maxDetections", "threads", "powersave"],
    ...["warmup", "iterations", "turnWarmup", "turnIterations"],
  ]);
});

Deno.test("runner-cpp/options.inc has every switch that a precision sets or the command line has, and no other, and the shares", async () => {
  const text = await runnerTable();
  const flags = (kind: string) =>
    [...text.matchAll(new RegExp(`^${kind}\\("([^"]+)", [\\w.]+\\)$`, "gm"))].map(([, flag]) =>
      flag
    );
  const own = (is: (name: RunnerOptionName) => boolean) => NAMES.filter(is).map(flagOf);
  const onOff = own((name) => typeof valueOf(name) === "boolean");
  for (const precision of PRECISION_NAMES) {
    const ofPrecision = namedSwitches(precision).map(([name]) => `--${name}`);
    assertEquals([...ofPrecision, ...onOff], flags("POSEMARK_SWITCH"), precision);
  }
  const shares = own((name) => flags("POSEMARK_SHARE").includes(flagOf(name)));
  assertEquals(shares, flags("POSEMARK_SHARE"));
  assertEquals(shares, ["--score-threshold", "--nms-iou"]);
  for (const name of NAMES.filter((name) => shares.includes(flagOf(name)))) {
    assertEquals(valueOf(name, "0.5"), 0.5);
    for (const text of ["0", "1"]) assertThrows(() => valueOf(name, text), HarnessError);
  }
});

Deno.test("namedSwitches() are on where ncnn's are: none for fp32, the three of fp16 and int8 for int8", () => {
  const on = (precision: Precision) =>
    namedSwitches(precision).filter(([, isOn]) => isOn).map(([name]) => name);
  const fp16 = ["fp16-packed", "fp16-storage", "fp16-arithmetic"];
  assertEquals(PRECISION_NAMES.map(on), [
    ...[[], fp16, fp16.slice(0, 2), ["bf16-storage"], [...fp16, "int8"]],
  ]);
});
