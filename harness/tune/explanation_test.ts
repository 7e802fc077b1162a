import { assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { attribute, possibleOrders } from "../stats/attribution.ts";
import { explainedChanges, type Explanation, explanationText, speedUpOf } from "./explanation.ts";

const CHANGES = ["head", "shape"];
const ORDERS = possibleOrders(CHANGES, () => true);
const ROUNDS = [0.01, -0.01, 0.02].map((noise) =>
  new Map([
    ["", 0],
    ["head", Math.log(0.9) + noise],
    ["shape", Math.log(0.5)],
    ["head + shape", Math.log(0.45) + noise],
  ])
);

Deno.test("explainedChanges() turns logs of time into speed-ups whose product is the whole", () => {
  const time = attribute(CHANGES, ORDERS, ROUNDS);
  const labels = new Map([["head", "decoded → raw"], ["shape", "640×640 → 480×640"]]);
  const [head, shape] = explainedChanges(labels, time, null);
  assertAlmostEquals(
    head.speedUp.value * shape.speedUp.value,
    speedUpOf(time.whole).value,
    1e-12,
  );
  assertAlmostEquals(shape.speedUp.value, 2, 1e-12);
  assertEquals(head.speedUp.low! < head.speedUp.value, head.speedUp.value < head.speedUp.high!);
  assertEquals([head.label, head.ap], ["decoded → raw", null]);
});

Deno.test("explanationText() says what each change earned, and the whole last", () => {
  const factor = { value: 2, low: 1.9, high: 2.1 };
  const explanation: Explanation = {
    ...{ from: "a", to: "b", speedUp: factor, rounds: 8, isAnnotated: false, steps: [] },
    ap: { value: -0.02, low: -0.05, high: 0.01 },
    changes: [{
      ...{ name: "head", label: "decoded → raw", speedUp: factor, speedUpInOrders: [1.8, 2.2] },
      ap: null,
    }],
  };
  const text = explanationText(explanation);
  assertStringIncludes(text, "2.000× (1.900× to 2.100×)  1.800× to 2.200×");
  assertEquals(
    text.trimEnd().split("\n").at(-1),
    "From a to b: 2.000× (1.900× to 2.100×) as fast, agreement −0.020 (−0.050 to +0.010).",
  );
});
