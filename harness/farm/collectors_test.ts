/** The same cases through every collector of evidence: live, saved, farm. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { knownNoise } from "../gate/calibrate.ts";
import { type GateConfig, gateRules } from "../gate/config.ts";
import { correctnessOf } from "../gate/correctness.ts";
import { type DeviceEvidence, noEvidence, sharedKeys } from "../gate/evidence.ts";
import { judgeGate } from "../gate/judge_gate.ts";
import { collectLive } from "../gate/live.ts";
import { savedEvidence, savedSide } from "../gate/saved.ts";
import { deviceFixture } from "../gate/testdata/gate_fixture.ts";
import {
  annotationsFixture,
  PAIR,
  type PairChange,
  pairRecords,
} from "../gate/testdata/pair_records.ts";
import type { MergedResult } from "../gate/verdict.ts";
import type { AnyRecord } from "../record/records.ts";
import { type Calibration, saveCalibration, workloadKeyOf } from "../store/calibrations.ts";
import { openStore } from "../store/open_store.ts";
import { judgeOnFarm } from "./farm_gate.ts";
import { farmGateRequest } from "./testdata/farm_gate_request.ts";

/** One case, and what every gate must say of it. */
interface Case extends PairChange {
  name: string;
  /** Default: 5% of the median of the total. */
  gate?: GateConfig["gate"];
  /** A calibration that shows this noise. */
  calibratedSd?: number;
  /** Nothing came back from any device. */
  isGone?: boolean;
  expected: "pass" | "fail" | "inconclusive" | "not-comparable" | "bad-config";
  /** What a gate on saved runs says instead: it runs nothing, so no rule of time holds for it. */
  saved?: "inconclusive";
  /** What the result or the refusal says. */
  says?: string;
}

const total = (percent: number) => ({ thresholdsPercent: { "total.p50": percent } });
const SERIALS = ["A", "B", "C"];

const CASES: Case[] = [
  { name: "nothing changed", expected: "pass" },
  { name: "a fifth slower", factor: 1.2, expected: "fail", says: "20." },
  {
    name: "wrong keypoints, and faster",
    factor: 0.8,
    parity: { candidate: "fail" },
    expected: "fail",
    says: "preprocess",
  },
  { name: "a loss of AP", found: 3, expected: "fail", says: "AP changed by" },
  {
    name: "a loss of AP that is not gated",
    found: 3,
    gate: { maxApDrop: null },
    expected: "pass",
  },
  { name: "noise", factor: 1.03, noise: 0.3, expected: "inconclusive", says: "total.p50" },
  { name: "a candidate for speed only", speedOnly: true, expected: "inconclusive", says: "speed" },
  {
    name: "another build of one side",
    debugBuild: "candidate",
    expected: "not-comparable",
    says: "runner.debugBuild",
  },
  {
    name: "a rule by device that tolerates it",
    factor: 1.2,
    gate: { devices: Object.fromEntries(SERIALS.map((serial) => [serial, total(50)])) },
    expected: "pass",
  },
  {
    name: "a rule by variant that tolerates it",
    factor: 1.2,
    gate: { variants: { [PAIR.candidate]: total(50) } },
    expected: "pass",
  },
  {
    name: "a threshold that can't be resolved",
    calibratedSd: 0.05,
    gate: total(0.5),
    expected: "bad-config",
    saved: "inconclusive",
    says: 'total.p50 on "A" at 0.5%',
  },
  { name: "an image without a record", unchecked: 1, expected: "inconclusive" },
  { name: "nothing that came back", isGone: true, expected: "inconclusive" },
  {
    name: "keypoints that were wrong before",
    parity: { base: "fail", candidate: "fail" },
    expected: "inconclusive",
    says: "wrong alike",
  },
];

function calibrationOf({ calibratedSd }: Case): Calibration | null {
  if (calibratedSd === undefined) return null;
  const blocks = Array.from({ length: 20 }, (_, i) => {
    const value = calibratedSd * (i % 2 === 0 ? 1 : -1);
    return [value, value / 2];
  });
  return { createdAt: "2026-01-01", secondsPerBlock: 4, blocks: { "total.p50": blocks } };
}

const known = (each: Case, device: string) => {
  const calibration = calibrationOf(each);
  return knownNoise(calibration === null ? null : { ...calibration, isOfWorkload: true }, device);
};

const recordsOf = (each: Case, serial: string) =>
  pairRecords({ ...each, device: deviceFixture(serial) });

const named = (id: string) => ({ id, name: id });
const NAMED = { baseline: named(PAIR.base), candidate: named(PAIR.candidate) };

/** Correctness as both gates here take it from the records. */
function correctness(records: AnyRecord[], device: string) {
  const on = (variantId: string) => ({ records, device, variantId });
  return correctnessOf(on(PAIR.candidate), on(PAIR.base), annotationsFixture());
}

type Collector = (each: Case, config: GateConfig) => Promise<MergedResult>;

const COLLECTORS: Record<string, Collector> = {
  async live(each, config) {
    const evidence: DeviceEvidence[] = [];
    for (const device of SERIALS) {
      const records = recordsOf(each, device);
      const launches = records.filter((record) => record.kind === "launch");
      let blocks = 0;
      const side = (id: string, index: number) => ({
        name: id,
        device: deviceFixture(device),
        images: [],
        launches: launches.filter((launch) =>
          launch.variantId === id && Math.floor(launch.round / 2) === index
        ),
      });
      evidence.push(
        await collectLive({
          begun: { ...noEvidence(device, "k", NAMED), ...known(each, device) },
          rules: gateRules(config, device, PAIR.candidate, 1),
          runBlock(index) {
            blocks++;
            const [baseline, candidate] = [side(PAIR.base, index), side(PAIR.candidate, index)];
            sharedKeys(baseline, candidate);
            return Promise.resolve({
              baseline: baseline.launches,
              candidate: candidate.launches,
            });
          },
          elapsedSeconds: () => 4 * blocks,
          stopReason: () => each.isGone || blocks === 10 ? "nothing is left" : null,
          correctness: () => correctness(each.isGone ? [] : records, device),
        }),
      );
    }
    return judgeGate(evidence, (device, id) => gateRules(config, device, id, 3));
  },

  saved(each, config) {
    const evidence = SERIALS.map((device): DeviceEvidence => {
      if (each.isGone) return { ...noEvidence(device, "k", NAMED), missing: "no launch" };
      const records = recordsOf(each, device);
      return savedEvidence(
        savedSide(records, device, PAIR.base),
        savedSide(records, device, PAIR.candidate),
        {
          ...known(each, device),
          sessions: { "total.p50": { sd: 0.002, freedom: 1e6 } },
          correctness: correctness(records, device),
        },
      );
    });
    return Promise.resolve(
      judgeGate(evidence, (device, id) => gateRules(config, device, id, 3)),
    );
  },

  async farm(each, config) {
    await using store = await openStore(":memory:");
    const shards = SERIALS.map((phone) => ({
      phone,
      records: each.isGone ? null : recordsOf(each, phone),
    }));
    const { request, end } = await farmGateRequest(store, shards, { config });
    const calibration = calibrationOf(each);
    if (calibration !== null) {
      for (const { phone, records } of shards) {
        const launch = records!.filter((record) => record.kind === "launch")
          .find(({ variantId }) => variantId === PAIR.candidate)!;
        const key = workloadKeyOf(deviceFixture(phone), launch);
        await saveCalibration(store.database, key, calibration);
      }
    }
    return (await judgeOnFarm(request, end)).result;
  },
};

for (const each of CASES) {
  Deno.test(`live, saved and farm say ${each.expected} of ${each.name}`, async () => {
    const config = { gate: { "thresholdsPercent": { "total.p50": 5 }, ...each.gate } };
    for (const [name, collect] of Object.entries(COLLECTORS)) {
      const ofItsOwn = name === "saved" ? each.saved : undefined;
      const expected = ofItsOwn ?? each.expected;
      if (expected === "not-comparable" || expected === "bad-config") {
        const error = await assertRejects(async () => await collect(each, config), HarnessError);
        assertEquals(error.code, expected, `${name}: ${error.message}`);
        assertStringIncludes(error.message, each.says!);
        continue;
      }
      const result = await collect(each, config);
      assertEquals(result.verdict, expected, `${name}: ${result.reasons.join("\n")}`);
      const says = ofItsOwn === undefined ? each.says ?? "" : "can't be paired";
      assertStringIncludes(JSON.stringify(result), says, name);
    }
  });
}
