import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { assertComparable, type ComparisonSide, experimentKeys } from "./experiment_keys.ts";
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
