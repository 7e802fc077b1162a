import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { HarnessError } from "../errors.ts";
import { bytesOfV010, recordsOfV010 } from "./testdata/v0_1_0.ts";
import {
  assertComparable,
  type ComparisonSide,
  experimentHash,
  experimentKeys,
  firstDifference,
  requireSameExperiment,
  settingKeys,
} from "./experiment_keys.ts";
import { RunnerHeaderSchema } from "./records.ts";
import { NO_SETTINGS } from "./run_settings.ts";
import { sortRecords } from "./run_records.ts";
import { runRecord } from "../run/testdata/records.ts";
import { sideFixture } from "../gate/testdata/gate_fixture.ts";

function refused(change: (side: ComparisonSide) => void, key: string): string {
  const candidate = structuredClone(sideFixture("candidate run", [30, 31])) as ComparisonSide;
  change(candidate);
  const error = assertThrows(
    () => assertComparable(sideFixture("baseline run", [30, 31]), candidate),
    HarnessError,
    key,
  );
  assertEquals([error.code, error.exitCode], ["not-comparable", 2]);
  return error.message;
}

Deno.test("assertComparable() takes two runs when only times and the variant differ", () => {
  const candidate = sideFixture("candidate run", [45]);
  candidate.launches[0].variantId = "other";
  candidate.launches[0].runner.ncnnVersion = "2.0";
  assertComparable(sideFixture("baseline run", [30, 31]), candidate);
});

Deno.test("assertComparable() refuses and names the key when the experiment differs", () => {
  const all = (side: ComparisonSide, change: (o: ComparisonSide["launches"][number]) => void) =>
    side.launches.forEach(change);
  const message = refused((s) => s.device.serial = "R5CT10", "device.serial");
  assertStringIncludes(message, '"R5CT10"');
  assertStringIncludes(message, '"host"');
  refused((s) => s.device.buildFingerprint = "6.2.0", "device.buildFingerprint");
  refused((s) => all(s, (l) => l.runner.options.threads = 4), "options.threads");
  refused((s) => all(s, (l) => l.runner.options.coreMask = "f0"), "options.coreMask");
  refused((s) => all(s, (l) => l.images[0].inputWidthPx = 320), "shape");
  refused((s) => s.images[0].sha256 = "bb", "images");
  refused((s) => all(s, (l) => l.runner.debugBuild = true), "runner.debugBuild");
  refused((s) => all(s, (l) => l.runner.options.iterations = 99), "options.iterations");
});

Deno.test("assertComparable() names CPUs that went offline between two runs, and where else threads ran", async () => {
  const ranOn = (side: ComparisonSide, cpuMask: string, offlineCpus: number[]) => {
    side.device.cores = [0, 1, 2, 3].filter((index) => !offlineCpus.includes(index))
      .map((index) => (
        { index, maxFrequencyKHz: null, minFrequencyKHz: null, governor: null, part: null }
      ));
    side.launches.forEach(({ runner }) => Object.assign(runner, { cpuMask, offlineCpus }));
    return side;
  };
  const side = (cpuMask: string, offline: number[]) =>
    ranOn(structuredClone(sideFixture("run", [30])) as ComparisonSide, cpuMask, offline);
  const hash = (one: ComparisonSide) => experimentHash(experimentKeys(one));
  const before = sideFixture("run", [30]);
  assertComparable(side("f", []), side("f", []));
  // a run of before, whose runner told nothing, has the same series
  assertComparable(before, side("b", [2]));
  assertEquals(await hash(side("f", [])), await hash(before));
  for (const other of [side("b", [2]), side("3", [])]) {
    const error = assertThrows(() => assertComparable(side("f", []), other), HarnessError);
    assertStringIncludes(error.message, 'runner.cpus differs: found "mask ');
    assert(await hash(other) !== await hash(before));
  }
  const error = assertThrows(() => assertComparable(side("f", []), side("b", [2])), HarnessError);
  assertStringIncludes(error.message, '"mask b, while CPU 2 was offline", expected "as asked"');
  // a mask of one's own is as asked
  const own = side("3", []);
  own.launches[0].runner.options.coreMask = "3";
  assertEquals(experimentKeys(own)["runner.cpus"], "as asked");
});

Deno.test("assertComparable() lets a key differ when it is named as different on purpose", () => {
  const candidate = sideFixture("candidate", [30]);
  candidate.launches[0].images[0].inputWidthPx = 320;
  assertComparable(sideFixture("baseline", [30]), candidate, ["shape"]);
});

Deno.test("assertComparable() refuses when the launches of one side differ among themselves", () => {
  const message = refused((s) => s.launches[1].runner.options.threads = 1, "options.threads");
  assertStringIncludes(message, "round 1");
});

Deno.test("assertComparable() refuses an emulated device when either sign of it is there", () => {
  refused((s) => s.device.emulated = true, "emulated");
  refused((s) => s.launches[1].marks.push("emulated"), "emulated");
});

Deno.test("experimentKeys() throws when a side has no launch", () => {
  const side = { ...sideFixture("empty run", []), launches: [] };
  assertThrows(() => experimentKeys(side), HarnessError, "no finished launch");
});

const image = (sha256: string) => ({
  id: "a",
  file: "a.jpg",
  widthPx: 1,
  heightPx: 1,
  sha256,
  cocoImageId: null,
});

Deno.test("requireSameExperiment() accepts more rounds and another time", () => {
  requireSameExperiment(
    runRecord({ options: { rounds: 2, threads: 2 } }),
    runRecord({ options: { rounds: 9, threads: 2 }, createdAt: "2027-01-01T00:00:00.000Z" }),
    "out",
  );
});

Deno.test("requireSameExperiment() names the key when options, images or the base differ", () => {
  const cases: [string, Parameters<typeof runRecord>[0], Parameters<typeof runRecord>[0]][] = [
    [": threads 2 → 4. ", { options: { threads: 2 } }, { options: { threads: 4 } }],
    [": threads 2 → absent. ", { options: { threads: 2 } }, { options: {} }],
    [
      ": threads 1 → 2, iterations 5 → 9, root false → true. ",
      { options: { runner: { threads: 1, iterations: 5, warmup: 1 }, root: false } },
      { options: { runner: { threads: 2, iterations: 9, warmup: 1 }, root: true } },
    ],
    ["image a", { images: [image("0")] }, { images: [image("1")] }],
    ["image a", { images: [image("0")] }, { images: [] }],
    ["base variant", { baseVariantId: "x" }, { baseVariantId: "y" }],
  ];
  for (const [key, recorded, asked] of cases) {
    assertThrows(
      () => requireSameExperiment(runRecord(recorded), runRecord(asked), "out"),
      HarnessError,
      key,
    );
  }
});

Deno.test("requireSameExperiment() goes on with a run that version 0.1.0 began, and names what differs", async () => {
  const { run } = sortRecords(await recordsOfV010("bench"));
  requireSameExperiment(run, { ...run, options: { ...run.options, rounds: 30 } }, "out");
  const other = structuredClone(run);
  other.variants[1].bin.sha256 = "0".repeat(64);
  const error = assertThrows(() => requireSameExperiment(run, other, "out"), HarnessError);
  assertStringIncludes(error.message, `weights of variant ${run.variants[1].id} "`);
  assertStringIncludes(error.message, "Give the same options and files");
  other.harness.version = "0.2.0";
  const later = assertThrows(() => requireSameExperiment(run, other, "out"), HarnessError);
  assertStringIncludes(later.message, "by Posemark 0.1.0, which began it");
});

Deno.test("experimentKeys() of launches of version 0.1.0 are those under which its history keeps them", async () => {
  const { run, launches } = sortRecords(await recordsOfV010("bench2"));
  const keys = experimentKeys({
    ...{ name: "bench2", device: run.devices[0], images: run.images, launches },
  });
  const hash = await experimentHash(keys);
  const file = await Deno.makeTempFile({ suffix: ".db" });
  try {
    await Deno.writeFile(file, await bytesOfV010("history.db"));
    using history = new DatabaseSync(file);
    const kept = history.prepare("SELECT experiment FROM series WHERE variant_id = ?")
      .all(launches[0].variantId).map(({ experiment }) => experiment);
    assert(kept.includes(hash), `${hash} is not among ${kept}`);
    // the runner of today names no traps
    const { traps, ...options } = launches[0].runner.options;
    assertEquals(traps, []);
    const runner = RunnerHeaderSchema.parse({ ...launches[0].runner, options });
    const today = experimentKeys({
      ...{ name: "today", device: run.devices[0], images: run.images },
      launches: launches.map((launch) => ({ ...launch, runner })),
    });
    assertEquals(await experimentHash(today), hash);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("firstDifference() names the way to the first value that differs, and nothing where all are equal", () => {
  const then = { a: 1, b: { c: [1, { d: null }] }, gone: undefined };
  assertEquals(firstDifference(then, structuredClone(then)), null);
  assertEquals(firstDifference(then, { a: 1, b: { c: [1, { d: 2 }] } }), {
    key: "b.c.1.d",
    then: "null",
    now: "2",
  });
  assertEquals(firstDifference(then, { a: 1 })?.key, "b");
  assertEquals(firstDifference({}, { late: "x".repeat(200) })?.then, "absent");
  assertEquals(firstDifference({}, { late: "x".repeat(200) })?.now.length, 120);
});

Deno.test("settingKeys() names what a variant fixes itself, a mask and a mode together", () => {
  assertEquals(settingKeys({ settings: NO_SETTINGS }), []);
  assertEquals(settingKeys({ settings: { ...NO_SETTINGS, threads: 2 } }), ["options.threads"]);
  assertEquals(
    settingKeys({ settings: { ...NO_SETTINGS, coreMask: "f0" } }).toSorted(),
    ["options.coreMask", "options.powersave", "runner.cpus"],
  );
});
