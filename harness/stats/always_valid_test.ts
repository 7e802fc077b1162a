import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { anytimeInterval, type EvidenceOptions, logEvidence } from "./always_valid.ts";
import { type Rng, seededRng } from "./rng.ts";

const PLAIN: EvidenceOptions = { priorEffect: 1, smallestSd: 1e-9, clipSds: Infinity };
const CLIPPED: EvidenceOptions = { priorEffect: 1, smallestSd: 1e-9, clipSds: 1 };

Deno.test("logEvidence() equals the integral over the prior when this is done numerically", () => {
  const values = [0.8, 1.4, 0.3, 1.1];
  // marginal likelihoods with the right Haar prior dσ/σ, effect δ half-normal: a plain grid over ln
  // σ and δ
  const likelihood = (effect: number, logSd: number) => {
    const sd = Math.exp(logSd);
    return values.reduce((p, x) => p * Math.exp(-0.5 * (x / sd - effect) ** 2) / sd, 1);
  };
  let alternative = 0, none = 0;
  const stepSd = 0.02, stepEffect = 0.02;
  for (let logSd = -6; logSd < 8; logSd += stepSd) {
    none += likelihood(0, logSd) * stepSd;
    for (let effect = stepEffect / 2; effect < 8; effect += stepEffect) {
      const prior = 2 * Math.exp(-0.5 * effect ** 2) / Math.sqrt(2 * Math.PI);
      alternative += likelihood(effect, logSd) * prior * stepEffect * stepSd;
    }
  }
  assertAlmostEquals(logEvidence(values, 0, "above", PLAIN), Math.log(alternative / none), 0.002);
});

Deno.test("logEvidence() with effects equals their mixture when this is done numerically", () => {
  const values = [0.8, 1.4, 0.3, -0.2, 1.1];
  const effects = [{ effect: 0.4, share: 0.3 }, { effect: 1.5, share: 0.5 }];
  const marginal = (effect: number) => {
    let sum = 0;
    for (let logSd = -7; logSd < 9; logSd += 0.005) {
      const sd = Math.exp(logSd);
      sum += values.reduce((p, x) => p * Math.exp(-0.5 * (x / sd - effect) ** 2) / sd, 1);
    }
    return sum;
  };
  const spread = Math.exp(logEvidence(values, 0, "above", PLAIN));
  const expected = effects.reduce(
    (sum, { effect, share }) => sum + share * marginal(effect) / marginal(0),
    0.2 * spread,
  );
  assertAlmostEquals(
    logEvidence(values, 0, "above", { ...PLAIN, effects }),
    Math.log(expected),
    1e-5,
  );
});

Deno.test("logEvidence() with effects reaches 1/α under the null in at most α of all sequences", () => {
  const rng = seededRng(23);
  const options = { ...CLIPPED, effects: [{ effect: 0.5, share: 0.7 }] };
  let reached = 0;
  const sequences = 600;
  for (let i = 0; i < sequences; i++) {
    const values: number[] = [];
    for (let n = 0; n < 60; n++) {
      values.push(rng.normal());
      if (n < 5 || logEvidence(values, 0, "above", options) < Math.log(20)) continue;
      reached++;
      break;
    }
  }
  assert(reached / sequences <= 0.05 + 2 * Math.sqrt(0.05 * 0.95 / sequences), `${reached}`);
});

Deno.test("logEvidence() of above equals that of below when all signs turn", () => {
  const values = [0.1, 0.4, -0.2, 0.3];
  assertAlmostEquals(
    logEvidence(values, 0, "above", CLIPPED),
    logEvidence(values.map((v) => -v), 0, "below", CLIPPED),
    1e-12,
  );
});

Deno.test("logEvidence() does not depend on the unit when all values are scaled", () => {
  const values = [0.1, 0.4, -0.2, 0.3];
  assertAlmostEquals(
    logEvidence(values, 0, "above", CLIPPED),
    logEvidence(values.map((v) => 1000 * v), 0, "above", CLIPPED),
    1e-9,
  );
});

Deno.test("logEvidence() is nothing when there is no or one value", () => {
  assertEquals(logEvidence([], 0, "above", PLAIN), 0);
  assertEquals(logEvidence([5], 0, "above", PLAIN), 0);
});

Deno.test("logEvidence() stays finite when the values have no spread", () => {
  const value = logEvidence([0.05, 0.05, 0.05, 0.05], 0, "above", {
    ...CLIPPED,
    smallestSd: 0.001,
  });
  assert(Number.isFinite(value) && value > 3, `${value}`);
});

Deno.test("logEvidence() and anytimeInterval() throw when a value is NaN or missing", () => {
  assertThrows(() => logEvidence([1, NaN, 2], 0, "above", CLIPPED), RangeError);
  assertThrows(() => anytimeInterval([1, NaN], 0.05, CLIPPED), RangeError);
  assertThrows(() => anytimeInterval([], 0.05, CLIPPED), RangeError);
});

Deno.test("anytimeInterval() has no bounds when the values are too few for any evidence", () => {
  assertEquals(anytimeInterval([1], 0.05, CLIPPED), { estimate: 1, low: null, high: null });
  const two = anytimeInterval([1, 2], 0.05, CLIPPED);
  assertEquals([two.low, two.high], [null, null]);
});

Deno.test("anytimeInterval() has bounds where the evidence reaches the level when looked up", () => {
  const values = [0.8, 1.4, 0.3, 1.1, 0.9, 1.2];
  const { estimate, low, high } = anytimeInterval(values, 0.05, CLIPPED);
  assert(low! < estimate && estimate < high!);
  assertAlmostEquals(logEvidence(values, low!, "above", CLIPPED), Math.log(20), 1e-6);
  assertAlmostEquals(logEvidence(values, high!, "below", CLIPPED), Math.log(20), 1e-6);
});

Deno.test("anytimeInterval() hardly moves when one value is far out", () => {
  const values = [0.8, 1.4, 0.6, 1.1, 0.9, 1.2, 1.0, 0.7, 1.3, 0.9, 1.1, 1.0];
  const calm = anytimeInterval(values, 0.05, CLIPPED);
  const hit = anytimeInterval([...values, 50], 0.05, CLIPPED);
  assert(Math.abs(hit.estimate - calm.estimate) < 0.2, JSON.stringify(hit));
  assert(hit.high! < 3, JSON.stringify(hit));
});

/** Share of sequences in which a bound was wrong at any of 40 looks. */
function everWrong(draw: (rng: Rng) => number): number {
  const rng = seededRng(99);
  const sequences = 2000;
  let wrong = 0;
  for (let s = 0; s < sequences; s++) {
    const values: number[] = [];
    for (let look = 0; look < 40; look++) {
      values.push(draw(rng));
      // the lower bound exceeds the truth, 0, exactly when the evidence for "above 0" reaches 1/α
      if (look >= 4 && logEvidence(values, 0, "above", CLIPPED) >= Math.log(20)) {
        wrong++;
        break;
      }
    }
  }
  return wrong / sequences;
}

Deno.test("logEvidence() is wrong in at most 5% when looked at 40 times and the values are normal", () => {
  const share = everWrong((rng) => rng.normal());
  assert(share > 0.005 && share < 0.05, `${share}`);
});

Deno.test("logEvidence() is wrong in at most 5% when the tails are heavy or one in ten is far out", () => {
  const heavy = everWrong((rng) => rng.normal() / Math.sqrt(rng.exponential()));
  assert(heavy < 0.05, `${heavy}`);
  const contaminated = everWrong((rng) => rng.normal() * (rng.uniform() < 0.1 ? 10 : 1));
  assert(contaminated < 0.05, `${contaminated}`);
});

Deno.test("a plain t-test is wrong far more often when it is looked at as often", () => {
  const rng = seededRng(4);
  let wrong = 0;
  for (let s = 0; s < 500; s++) {
    let sum = 0, squares = 0;
    for (let count = 1; count <= 40; count++) {
      const value = rng.normal();
      sum += value;
      squares += value * value;
      const sd = Math.sqrt((squares - sum * sum / count) / (count - 1));
      // 1.75: the one-sided 5% point of t with about 15 degrees of freedom
      if (count >= 4 && sum / count / (sd / Math.sqrt(count)) > 1.75) {
        wrong++;
        break;
      }
    }
  }
  assert(wrong / 500 > 0.12, `${wrong / 500}`);
});
