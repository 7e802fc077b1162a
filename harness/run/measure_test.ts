import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { IMAGES } from "../gate/testdata/gate_fixture.ts";
import { testManifest } from "../parity/testdata/manifest.ts";
import type { AnyRecord } from "../record/records.ts";
import { deploy } from "./deploy.ts";
import { measure } from "./measure.ts";
import { fixedRounds } from "./schedule.ts";
import { runnerOptions } from "./testdata/records.ts";
import { type FakeBehaviour, fakeDevice } from "./testdata/fake_device.ts";

/** Runs rounds of the variants a (the base) to e on a fake device; returns what was recorded. */
async function rounds(
  behaviour: Partial<FakeBehaviour>,
  change: { earlier?: AnyRecord[]; rounds?: number } = {},
): Promise<{ log: AnyRecord[]; failed: number }> {
  const fake = fakeDevice({ totalNs: () => [10e6, 10e6, 10e6], ...behaviour });
  const work = await Deno.makeTempDir();
  const ids = ["a", "b", "c", "d", "e"];
  const log: AnyRecord[] = [];
  const { earlier = [], rounds = 2 } = change;
  try {
    const sides = ids.map((id) => ({
      variant: { manifest: testManifest({ id }), dir: `/fake/${id}` },
      ...{ runner: "/fake/runner", benchncnn: null },
    }));
    const options = runnerOptions({ iterations: 3 });
    const context = { runId: "r", options };
    const setup = await deploy(fake.device, fake.description, sides, context);
    const { failed } = await measure(setup, {
      ...{ runId: "r", images: IMAGES, imageList: "l", turnImages: IMAGES, turnImageList: "l" },
      ...{ launchTimeoutMs: 1000, work, base: "a", benchncnnRounds: 0 },
      variants: sides.map(({ variant }) => variant.manifest),
      schedule: fixedRounds(ids, rounds),
    }, {
      log: { append: (record) => log.push(record) },
      earlier,
      beforeLaunch: async () => ({ state: await fake.device.state(), marks: [] }),
    });
    return { log, failed };
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Returns who shared a launch, by round, in the order of loading. */
function groups(log: readonly AnyRecord[]): string[] {
  const turns = log.filter((record) => record.kind === "turns");
  return [
    ...new Set(turns.map(({ round, turns }) => `${round}: ${turns.contestants.join("")}`)),
  ];
}

/** Makes shared launches with a contestant end as a crash in its turn. */
function crashing(id: string, tail = [`posemark-runner: turn of "${id}" on image image0`]) {
  return ({ name, command }: { name: string; command: string[] }): number[] => {
    if (name.startsWith("turns") && command.some((word) => word.startsWith(`/fake/${id}/`))) {
      throw new HarnessError("runner-failed", "killed by SIGSEGV", { stderrTail: tail });
    }
    return [10e6, 10e6, 10e6];
  };
}

Deno.test("measure() launches every variant alone, then all by turns with the base in each launch", async () => {
  const { log, failed } = await rounds({});
  assertEquals(failed, 0);
  const alone = log.filter((record) => record.kind === "launch");
  assertEquals(alone.map(({ variantId }) => variantId).join(""), "abcdeedcba");
  assertEquals(groups(log), ["0: abcd", "0: ae", "1: dcba", "1: ea"]);
  const names = log.flatMap((record) => record.kind === "turns" ? [record.turns.launch] : []);
  assertEquals(new Set(names).size, 4);
});

Deno.test("measure() keeps a group within the memory that is free, by what each took alone", async () => {
  const { log } = await rounds({ state: { freeMemoryBytes: 230e6 } });
  // 50 MB each, 70 % of 230: three fit
  assertEquals(groups(log), ["0: abc", "0: ade", "1: cba", "1: eda"]);
});

Deno.test("measure() names the contestant in whose turn a shared launch broke, and lets the others go on", async () => {
  const { log, failed } = await rounds({ totalNs: crashing("c") });
  assertEquals(failed, 1);
  assertEquals(groups(log), ["0: abd", "0: ae", "1: edba"]);
  const [failure] = log.filter((record) => record.kind === "failure");
  assertEquals([failure.variantId, failure.round], ["c", 0]);
  assertStringIncludes(failure.message, "by turns with 3 others: killed by SIGSEGV");
  // alone it runs on
  const alone = log.filter((record) => record.kind === "launch" && record.variantId === "c");
  assertEquals(alone.length, 2);
});

Deno.test("measure() launches all of a group alone when nobody can be named, and another base stands in for one that breaks", async () => {
  const unnamed = await rounds({ totalNs: crashing("c", ["Killed"]) });
  assertEquals(groups(unnamed.log), []);
  assert(unnamed.failed === 1);
  const base = await rounds({ totalNs: crashing("a") });
  assertEquals(groups(base.log), ["1: edcb"]);
});

Deno.test("measure() goes on with shared launches that are not on record yet", async () => {
  const whole = await rounds({}, { rounds: 1 });
  const cut = whole.log.filter((record) =>
    record.kind !== "turns" || record.turns.launch === "turns0-0"
  );
  const { log } = await rounds({}, { earlier: cut });
  assertEquals(groups(log), ["0: ae", "1: dcba", "1: ea"]);
  assertEquals(log.filter(({ kind }) => kind === "launch").length, 5);
});
