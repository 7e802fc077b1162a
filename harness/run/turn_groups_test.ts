import { assertEquals } from "@std/assert";
import { NO_SETTINGS, type RunSettings } from "../record/run_settings.ts";
import { runnerOptions } from "./testdata/records.ts";
import { canShare, fitTogether, type GroupRequest, planGroups } from "./turn_groups.ts";

const MB = 1e6;

/** Returns the groups of ids a to f, whose base is a, as text. */
function groups(change: Partial<GroupRequest> = {}): string {
  return planGroups({
    ids: ["a", "b", "c", "d", "e", "f"],
    base: "a",
    peakBytes: new Map(),
    freeBytes: null,
    largest: 4,
    ...change,
  }).map((group) => group.join("")).join(" ");
}

Deno.test("planGroups() puts the base into every group and each other contestant into one", () => {
  assertEquals(groups(), "abcd aef");
  assertEquals(groups({ base: "d", ids: ["f", "d", "a"] }), "dfa");
  assertEquals(groups({ largest: 2 }), "ab ac ad ae af");
  assertEquals(groups({ ids: ["a"] }), "");
});

Deno.test("planGroups() keeps a group within the free memory, and leaves out what does not fit beside the base", () => {
  const peakBytes = new Map([["a", 100 * MB], ["b", 100 * MB], ["c", 100 * MB], ["d", 900 * MB]]);
  assertEquals(groups({ peakBytes, freeBytes: 1000 * MB, ids: ["a", "b", "c", "d"] }), "abc");
  assertEquals(groups({ peakBytes, freeBytes: 300 * MB, ids: ["a", "b", "c", "d"] }), "ab ac");
});

Deno.test("fitTogether() leaves a share of the memory free, and takes what is unknown for no obstacle", () => {
  assertEquals(fitTogether([70 * MB], 100 * MB), true);
  assertEquals(fitTogether([40 * MB, 31 * MB], 100 * MB), false);
  assertEquals(fitTogether([40 * MB, 31 * MB], null), true);
  assertEquals(fitTogether([null, 31 * MB], 100 * MB), true);
});

Deno.test("canShare() asks for one program and the same CPUs; threads may differ", () => {
  const model = (runner: string) => ({ runner, benchncnn: null, param: "", bin: "" });
  const models = new Map([["a", model("x")], ["b", model("x")], ["c", model("y")]]);
  const options = { ...runnerOptions(), threads: 1, powersave: 0 };
  const shares = (other: string, settings: Partial<RunSettings> = {}) =>
    canShare({ models, options }, [
      { id: "a", settings: NO_SETTINGS },
      { id: other, settings: { ...NO_SETTINGS, ...settings } },
    ]);
  assertEquals(shares("b"), true);
  assertEquals(shares("b", { threads: 2, winograd: false, powersave: 0 }), true);
  assertEquals(shares("b", { powersave: 2 }), false);
  assertEquals(shares("b", { coreMask: "f0" }), false);
  assertEquals(shares("c"), false);
});
