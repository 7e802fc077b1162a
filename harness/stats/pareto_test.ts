import { assertEquals, assertThrows } from "@std/assert";
import { exactly, type ParetoCandidate, paretoPlaces } from "./pareto.ts";

function candidate(
  variantId: string,
  timeMs: number,
  ap: number | null,
  sizeBytes = 100,
  spread = 0,
): ParetoCandidate {
  const around = (value: number, half: number) => ({
    value,
    low: value - half,
    high: value + half,
  });
  return {
    variantId,
    costs: { timeNs: around(timeMs, spread), sizeBytes: exactly(sizeBytes) },
    gains: { ap: ap === null ? null : around(ap, spread / 100) },
  };
}

Deno.test("paretoPlaces() finds the front when worked out by hand", () => {
  const places = paretoPlaces([
    candidate("fast", 30, 0.38),
    candidate("right", 60, 0.5),
    candidate("worse", 65, 0.45),
    candidate("small", 70, 0.3, 50),
  ]);
  assertEquals(places.map((place) => [place.variantId, place.onFront]), [
    ["fast", true],
    ["right", true],
    ["worse", false],
    ["small", true],
  ]);
  assertEquals(places[2].dominatedBy, [{ variantId: "right", certain: true }]);
});

Deno.test("paretoPlaces() is not certain when the intervals overlap", () => {
  const [, worse] = paretoPlaces([
    candidate("a", 60, 0.5, 100, 3),
    candidate("b", 61, 0.49, 100, 3),
  ]);
  assertEquals(worse.dominatedBy, [{ variantId: "a", certain: false }]);
});

Deno.test("paretoPlaces() keeps both on the front when they are equal", () => {
  const places = paretoPlaces([candidate("a", 60, 0.5), candidate("b", 60, 0.5)]);
  assertEquals(places.map((place) => place.onFront), [true, true]);
});

Deno.test("paretoPlaces() does not judge a variant whose accuracy is not known", () => {
  const [, speedOnly] = paretoPlaces([candidate("a", 60, 0.5), candidate("speed only", 20, null)]);
  assertEquals(speedOnly, {
    variantId: "speed only",
    onFront: false,
    dominatedBy: [],
    notJudged: "ap is not known",
  });
});

Deno.test("paretoPlaces() leaves an objective out when nobody knows it", () => {
  const places = paretoPlaces([candidate("a", 60, null), candidate("b", 30, null)]);
  assertEquals(places.map((place) => place.onFront), [false, true]);
});

Deno.test("paretoPlaces() has no places when there are no candidates, and throws on NaN", () => {
  assertEquals(paretoPlaces([]), []);
  assertThrows(() => paretoPlaces([candidate("a", NaN, 0.5)]), RangeError, "timeNs");
});
