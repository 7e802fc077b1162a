import { assertEquals } from "@std/assert";
import { type ComparedVariant, judgeComparison } from "./comparison.ts";
import { launchFixture } from "./testdata/launch_fixture.ts";
import { exactly } from "./pareto.ts";

function variant(
  device: string,
  variantId: string,
  ms: number,
  ap: number | null,
): ComparedVariant {
  return {
    variantId,
    device,
    unranked: null,
    timeNs: exactly(ms * 1e6),
    ap: ap === null ? null : exactly(ap),
    sizeBytes: 100,
    peakRssBytes: null,
  };
}

function launches(device: string, variantId: string, medianMs: number[]) {
  return medianMs.map((ms, round) =>
    launchFixture({ device, variantId, round, totalNs: [ms * 1e6, ms * 1e6] })
  );
}

const EIGHT = (ms: number) => new Array(8).fill(ms);

Deno.test("judgeComparison() ranks each device and finds where the order turns", () => {
  const { rankings, orderChanges, pareto, sustained } = judgeComparison(
    [
      variant("A", "x", 30, 0.4),
      variant("A", "y", 40, 0.5),
      variant("B", "x", 50, 0.4),
      variant("B", "y", 40, 0.5),
    ],
    [
      ...launches("A", "x", EIGHT(30)),
      ...launches("A", "y", EIGHT(40)),
      ...launches("B", "x", EIGHT(50)),
      ...launches("B", "y", EIGHT(40)),
    ],
    { sustained: false },
  );
  assertEquals(rankings.map((r) => [r.device, r.variants[0].variantId]), [["A", "x"], ["B", "y"]]);
  assertEquals(orderChanges, [{ variantId: "x", other: "y", first: "A", second: "B" }]);
  assertEquals(pareto.map((p) => p.places.map((place) => place.onFront)), [[true, true], [
    false,
    true,
  ]]);
  assertEquals(sustained, []);
});

Deno.test("judgeComparison() gives neither rank nor place when parity failed", () => {
  const wrong = { ...variant("A", "wrong", 10, 0.5), unranked: "parity failed" };
  const { rankings, pareto } = judgeComparison(
    [wrong, variant("A", "right", 30, 0.5)],
    [...launches("A", "wrong", EIGHT(10)), ...launches("A", "right", EIGHT(30))],
    { sustained: false },
  );
  assertEquals(rankings[0].variants.map((v) => v.rank), [{ best: 1, worst: 1 }, null]);
  assertEquals(pareto[0].places.map((place) => [place.variantId, place.onFront, place.notJudged]), [
    ["right", true, null],
    ["wrong", false, "parity failed"],
  ]);
});

Deno.test("judgeComparison() ranks burst and end apart when the load was sustained", () => {
  const hot = [...new Array(6).fill(20), ...new Array(12).fill(30)];
  const { rankings, orderChanges, sustained } = judgeComparison(
    [variant("A", "hot", 20, null), variant("A", "steady", 25, null)],
    [...launches("A", "hot", hot), ...launches("A", "steady", new Array(18).fill(25))],
    { sustained: true },
  );
  assertEquals(rankings.map((ranking) => ranking.device), ["A, burst", "A, sustained"]);
  assertEquals(orderChanges.map((change) => change.variantId), ["hot"]);
  assertEquals(sustained.map((each) => each.load.throttledAtSeconds), [12, null]);
});

Deno.test("judgeComparison() tells no sustained load of a variant whose parity failed", () => {
  const wrong = { ...variant("A", "wrong", 10, null), unranked: "parity failed" };
  const { sustained } = judgeComparison(
    [wrong, variant("A", "right", 30, null)],
    ["wrong", "right"].flatMap((id) => launches("A", id, new Array(18).fill(20))),
    { sustained: true },
  );
  assertEquals(sustained.map(({ variantId }) => variantId), ["right"]);
});

Deno.test("judgeComparison() says nothing when nothing is compared", () => {
  assertEquals(judgeComparison([], [], { sustained: false }), {
    rankings: [],
    orderChanges: [],
    pareto: [],
    sustained: [],
  });
});
