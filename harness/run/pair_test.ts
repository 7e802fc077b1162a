import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { RunnerOptions } from "./runner_options.ts";
import { HarnessError } from "../errors.ts";
import { DEFAULT_GATE_CONFIG, gateRules } from "../gate/config.ts";
import { IMAGES, RIGHT, runFixture, runLiveGate } from "../gate/testdata/gate_fixture.ts";
import { blockLogRatios } from "../gate/evidence.ts";
import { blockOrder } from "../gate/live.ts";
import { testManifest } from "../parity/testdata/manifest.ts";
import type { AnyRecord } from "../record/records.ts";
import { SILENT } from "../progress.ts";
import { seededRng } from "../stats/rng.ts";
import { slowdownArguments } from "../jobs/gate_live.ts";
import { openPair, type Pair, stopReason } from "./pair.ts";
import { onDevice } from "./session.ts";
import { runnerOptions } from "./testdata/records.ts";
import { type FakeBehaviour, type FakeDevice, fakeDevice, killed } from "./testdata/fake_device.ts";

const RUNNER = runnerOptions({ iterations: 3 });

/** Runs the test in a session on a fake device; the candidate gets these arguments. */
async function inSession(
  behaviour: FakeBehaviour,
  test: (session: Pair, fake: FakeDevice, log: AnyRecord[]) => Promise<void>,
  change: {
    runner?: Partial<RunnerOptions>;
    candidateArguments?: string[];
    /** Each side has a runner of its own, so that they can't share a launch. */
    apart?: boolean;
  } = {},
): Promise<FakeDevice> {
  const fake = fakeDevice(behaviour);
  const log: AnyRecord[] = [];
  const work = await Deno.makeTempDir();
  const sideOf = (variantId: string, runnerArguments: string[]) => ({
    name: variantId,
    variantId,
    runnerArguments,
  });
  try {
    await onDevice(
      {
        context: { progress: SILENT, signal: new AbortController().signal },
        settings: {
          runner: { ...RUNNER, ...change.runner },
          bars: { maxPx: 10, minOks: 0.9 },
          launchTimeoutMs: 1000,
          coolDownMs: 0,
        },
        record: { ...runFixture("run1", 0), devices: [fake.description] },
        dataset: { images: [] },
        stageImageIds: new Set(),
        timed: [{ image: IMAGES[0], path: "/fake/image0.rgb" }],
        log: { path: "", append: (record) => log.push(record) },
        earlier: [],
        work,
      },
      fake.device,
      ["base", "new"].map((id) => ({
        variant: { manifest: testManifest({ id }), dir: work },
        runner: change.apart ? `/fake/runner-${id}` : "/fake/runner",
        benchncnn: null,
      })),
      async (session) => {
        const pair = await openPair(session, {
          baseline: sideOf("base", []),
          candidate: sideOf("new", change.candidateArguments ?? []),
        });
        await test(pair, fake, log);
      },
      "pair0",
    );
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  return fake;
}

const still = () => [10e6, 10e6, 10e6];

Deno.test("openPair() runs blocks in the order given and records rounds, places and sides", async () => {
  const fake = await inSession({ totalNs: still }, async (session, { launches }, log) => {
    const block = await session.runBlock(1, blockOrder(1));
    assertEquals(block.candidate.map(({ round, position }) => [round, position]), [[2, 0], [3, 1]]);
    assertEquals(block.baseline.map(({ round, position }) => [round, position]), [[2, 1], [3, 0]]);
    assertEquals(
      log.map((record) => record.kind === "launch" && record.variantId),
      ["new", "base", "base", "new"],
    );
    assertEquals(new Set(launches.map(({ name }) => name)).size, 4);
    assertEquals(session.launches.length, 4);
  }, { apart: true });
  assertEquals(fake.removedFolders, ["/fake/run1-pair0"]);
});

Deno.test("openPair() gives the slow-down to the candidate alone, and every record says test build", async () => {
  await inSession(
    { totalNs: still },
    async (session, { launches }) => {
      const { candidate } = await session.runBlock(0, blockOrder(0));
      assertEquals(candidate.map(({ marks }) => marks), [["test-build"], ["test-build"]]);
      const slowed = launches.map(({ command }) => command.slice(-2).join(" "));
      assertEquals(slowed.map((text) => text === "--inject-slowdown 50"), [
        false,
        true,
        true,
        false,
      ]);
    },
    { candidateArguments: slowdownArguments("candidate", 50), apart: true },
  );
  assertEquals(slowdownArguments("baseline", 50), []);
  assertEquals(slowdownArguments("candidate", null), []);
});

Deno.test("openPair() tries a failed launch once more and keeps the failure on record", async () => {
  const totalNs: FakeBehaviour["totalNs"] = (_, count) => {
    if (count === 2) throw killed();
    return still();
  };
  await inSession({ totalNs }, async (session, _fake, log) => {
    const block = await session.runBlock(0, blockOrder(0));
    assertEquals([block.baseline.length, block.candidate.length], [2, 2]);
    assertEquals(log.map(({ kind }) => kind), [
      "launch",
      "failure",
      "launch",
      "launch",
      "launch",
    ]);
  }, { apart: true });
});

Deno.test("openPair() gives up when a launch fails twice", async () => {
  const totalNs = () => {
    throw killed();
  };
  await inSession({ totalNs }, async (session, _fake, log) => {
    const error = await assertRejects(() => session.runBlock(0, blockOrder(0)), HarnessError);
    assertEquals([error.code, log.length], ["runner-failed", 2]);
  });
});

Deno.test("openPair() refuses a block whose sides ran another shape, and an emulated device", async () => {
  const inputWidthPx: FakeBehaviour["inputWidthPx"] = ({ command }) =>
    command.includes("--inject-slowdown") ? 320 : 640;
  await inSession(
    { totalNs: still, inputWidthPx },
    async (session) => {
      const error = await assertRejects(() => session.runBlock(0, blockOrder(0)), HarnessError);
      assertEquals(error.code, "not-comparable");
      assertStringIncludes(error.message, "shape");
    },
    { candidateArguments: ["--inject-slowdown", "0"], apart: true },
  );
  await inSession({ totalNs: still, description: { emulated: true } }, async (session) => {
    await assertRejects(() => session.runBlock(0, blockOrder(0)), HarnessError, "emulated");
  });
});

Deno.test("openPair() launches both by turns in one process, and each alone in the first blocks", async () => {
  await inSession({ totalNs: still }, async (session, { launches }, log) => {
    const first = await session.runBlock(0, blockOrder(0));
    const second = await session.runBlock(1, blockOrder(1));
    assertEquals(launches.map(({ command }) => command[1]), [
      ...["run", "run", "turns", "turns"],
      ...["run", "run", "turns", "turns"],
    ]);
    const block = ["launch", "launch", "turns", "turns", "turns", "turns"];
    assertEquals(log.map(({ kind }) => kind), [...block, ...block]);
    for (const index of [2, 3]) await session.runBlock(index, blockOrder(index));
    assertEquals(log.filter(({ kind }) => kind === "launch").length, 6, "three of each side");
    assertEquals(first.alone, undefined);
    const loaded = [...first.baseline, ...second.baseline].map((launch) =>
      launch.kind === "turns" ? launch.turns.contestants.join(" ") : launch.kind
    );
    assertEquals(loaded, ["base new", "new base", "new base", "base new"]);
    const steps = launches.filter(({ command }) => command[1] === "turns")
      .map(({ command }) => command.at(-1));
    assertEquals(steps, ["0", "0", "1", "1", "2", "2", "3", "3"]);
    assertEquals(second.candidate.map(({ round, end }) => [round, end.peakRssBytes]), [
      [2, null],
      [3, null],
    ]);
    assertEquals(session.calibrationSettings.turns, 1);
    assertEquals([session.workload.iterations, session.notes], [1, []]);
  });
});

Deno.test("openPair() launches the sides alone as well when a metric of the process is wanted", async () => {
  const peakRssBytes: FakeBehaviour["peakRssBytes"] = ({ command }) =>
    command.includes("--inject-slowdown") ? 60e6 : 50e6;
  await inSession({ totalNs: still, peakRssBytes }, async (session) => {
    const block = await session.runBlock(0, blockOrder(0), ["total.p50", "peakRss"]);
    assertEquals(block.alone?.candidate.length, 2);
    assertEquals(blockLogRatios(block, "peakRss"), [Math.log(1.2), Math.log(1.2)]);
    assertEquals(blockLogRatios(block, "total.p50"), [0, 0]);
    const without = await session.runBlock(1, blockOrder(1), ["total.p50"]);
    assertEquals(without.alone, undefined);
  }, { candidateArguments: ["--inject-slowdown", "0"] });
});

Deno.test("openPair() launches the sides one by one where they don't fit into memory together, or a shared launch fails", async () => {
  const full: FakeBehaviour = { totalNs: still, state: { freeMemoryBytes: 120e6 } };
  await inSession(full, async (session, { launches }) => {
    const block = await session.runBlock(0, blockOrder(0));
    assertEquals(block.baseline.map(({ kind }) => kind), ["launch", "launch"]);
    assert(launches.every(({ command }) => command[1] === "run"));
    assertStringIncludes(session.notes.join(), "memory");
  });
  const crashing: FakeBehaviour = {
    totalNs(launch) {
      if (!launch.name.startsWith("turns")) return still();
      throw new HarnessError("runner-failed", "Cannot run it: killed by SIGSEGV", {
        stderrTail: ['posemark-runner: turn of "base" on image image0', "ncnn: oh"],
      });
    },
  };
  await inSession(crashing, async (session, _fake, log) => {
    const block = await session.runBlock(0, blockOrder(0));
    assertEquals(block.candidate.map(({ kind }) => kind), ["launch", "launch"]);
    const failures = log.filter((record) => record.kind === "failure");
    assertEquals(failures.map(({ variantId }) => variantId), ["base", "base"]);
    assertStringIncludes(session.notes.join(), "SIGSEGV");
    await session.runBlock(1, blockOrder(1));
    assertEquals(log.filter(({ kind }) => kind === "failure").length, 2, "it is not tried again");
  });
});

Deno.test("openPair() feeds the live gate: half as slow again fails, the same passes", async () => {
  for (const [factor, verdict] of [[1.5, "fail"], [1, "pass"]] as const) {
    const rng = seededRng(5);
    const totalNs: FakeBehaviour["totalNs"] = ({ command }) => {
      const slow = command.includes("--inject-slowdown") ? factor : 1;
      return [0, 0, 0].map(() => Math.round(slow * 10e6 * (1 + 0.004 * rng.normal())));
    };
    await inSession(
      { totalNs },
      async (session) => {
        const result = await runLiveGate({
          rules: gateRules(DEFAULT_GATE_CONFIG, "fake", "new", 1),
          noise: {},
          secondsPerBlock: null,
          runBlock: session.runBlock,
          elapsedSeconds: session.elapsedSeconds,
          stopReason: session.stopReason,
          correctness: () => RIGHT,
        });
        assertEquals(result.verdict, verdict, JSON.stringify(result.reasons));
      },
      { candidateArguments: ["--inject-slowdown", "0"] },
    );
  }
});

Deno.test("openPair() tells the settings of its calibration as the runner writes them", async () => {
  await inSession({ totalNs: still }, (session) => {
    const expected = { threads: 1, powersave: null, coreMask: "f0", turns: null };
    assertEquals(session.calibrationSettings, expected);
    assertEquals(session.workload, {
      variantId: "new",
      warmup: RUNNER.warmup,
      iterations: 3,
      images: 1,
    });
    return Promise.resolve();
  }, { runner: { coreMask: "0x0F0" }, apart: true });
  await inSession({ totalNs: still }, (session) => {
    const expected = { threads: 1, powersave: 0, coreMask: null, turns: 1 };
    assertEquals(session.calibrationSettings, expected);
    return Promise.resolve();
  });
});

Deno.test("stopReason() stops a hot device and one that is nearly empty, and no other", () => {
  assertEquals(stopReason({ batteryPercent: null, charging: null }, false), null);
  assertEquals(stopReason({ batteryPercent: 10, charging: true }, false), null);
  assertStringIncludes(stopReason({ batteryPercent: 10, charging: false }, false)!, "10%");
  assertStringIncludes(stopReason({ batteryPercent: 90, charging: true }, true)!, "cool");
});
