import { assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { seededRng } from "../../stats/rng.ts";
import { DEFAULT_FARM_RULE, judgePhones, type PhoneResult } from "./verdict.ts";

const RULE = { ...DEFAULT_FARM_RULE, threshold: 1.05 };

function phone(
  device: string,
  logRatio: number | null,
  change: Partial<PhoneResult> = {},
): PhoneResult {
  return {
    device,
    kind: "k",
    verdict: logRatio === null ? "inconclusive" : "pass",
    effect: logRatio === null ? null : { logRatio, standardError: 0.003 },
    reason: logRatio === null ? "too hot after 5 attempts" : null,
    ...change,
  };
}

Deno.test("judgePhones() passes when the phones agree that nothing changed", () => {
  const verdict = judgePhones([phone("a", 0.001), phone("b", -0.002), phone("c", 0.002)], RULE);
  assertEquals([verdict.verdict, verdict.reasons, verdict.kinds], ["pass", [], []]);
  assertAlmostEquals(verdict.ratio!, 1.0003, 1e-3);
  assertAlmostEquals(verdict.phones.reduce((sum, p) => sum + p.weight!, 0), 1, 1e-9);
});

Deno.test("judgePhones() fails when the phones agree on a regression", () => {
  const verdict = judgePhones([phone("a", 0.06), phone("b", 0.07), phone("c", 0.065)], RULE);
  assertEquals(verdict.verdict, "fail");
  assertStringIncludes(verdict.reasons.join(), "+6.7%");
});

Deno.test("judgePhones() is inconclusive when too few phones came back, and names the missing", () => {
  const verdict = judgePhones([phone("a", 0), phone("b", 0), phone("c", null)], RULE);
  assertEquals([verdict.verdict, verdict.phones[2].verdict, verdict.phones[2].weight], [
    "inconclusive",
    "inconclusive",
    null,
  ]);
  assertStringIncludes(verdict.reasons[0], "too hot after 5 attempts");
  assertEquals(judgePhones([], RULE).verdict, "inconclusive");
  const half = Array.from({ length: 10 }, (_, i) => phone(`${i}`, i < 4 ? 0 : null));
  assertEquals(judgePhones(half, RULE).verdict, "inconclusive");
  assertEquals(judgePhones(half, { ...RULE, fewestShare: 0.4 }).verdict, "pass");
  assertEquals(
    judgePhones(half, RULE).reasons.filter((r) => r.includes("1 more phones")).length,
    1,
  );
});

Deno.test("judgePhones() is not turned by one sick phone that others of its kind contradict, and shows it", () => {
  const sick = phone("f", 0.4, { verdict: "fail" });
  const verdict = judgePhones(
    ["a", "b", "c", "d", "e"].map((d, i) => phone(d, 0.001 * i)).concat(sick),
    RULE,
  );
  assertEquals(verdict.verdict, "pass");
  assertEquals(verdict.phones.filter((p) => p.outlying).map((p) => p.device), ["f"]);
  assertStringIncludes(verdict.reasons.join(), '"f"');
});

Deno.test("judgePhones() is inconclusive when the failing phone is the only one of its kind", () => {
  const alone = phone("f", 0.4, { verdict: "fail", kind: "rare" });
  const verdict = judgePhones(
    ["a", "b", "c", "d", "e"].map((d, i) => phone(d, 0.001 * i)).concat(alone),
    RULE,
  );
  assertEquals(verdict.verdict, "inconclusive");
  assertStringIncludes(verdict.reasons.join(), "only one of its kind");
});

Deno.test("judgePhones() fails when one kind regresses behind many that do not", () => {
  const many = Array.from({ length: 9 }, (_, i) => phone(`a${i}`, 0.0005 * (i - 4)));
  const few = Array.from(
    { length: 4 },
    (_, i) => phone(`b${i}`, 0.08 + 0.002 * i, { kind: "slow" }),
  );
  const verdict = judgePhones([...many, ...few], RULE);
  assertEquals(verdict.verdict, "fail");
  assertEquals(verdict.kinds.map((k) => [k.kind, k.phoneCount, k.verdict]), [["k", 9, "pass"], [
    "slow",
    4,
    "fail",
  ]]);
});

Deno.test("judgePhones() refuses a threshold that is no slow-down", () => {
  assertThrows(() => judgePhones([], { ...RULE, threshold: 1 }), RangeError);
});

Deno.test("judgePhones() rarely fails good builds with a sick phone, and rarely passes bad ones", () => {
  const rng = seededRng(7);
  let falseAlarms = 0;
  let misses = 0;
  const repetitions = 400;
  for (let i = 0; i < repetitions; i++) {
    const draw = (shift: number, sick: boolean) =>
      Array.from({ length: 6 }, (_, index) => {
        const logRatio = shift + 0.004 * rng.normal() + (sick && index === 0 ? 0.25 : 0);
        return phone(`${index}`, logRatio);
      });
    if (judgePhones(draw(0, true), RULE).verdict === "fail") falseAlarms++;
    if (judgePhones(draw(Math.log(1.05), false), RULE).verdict === "pass") misses++;
  }
  assertEquals(
    falseAlarms <= 20 && misses <= 33,
    true,
    `${falseAlarms} false alarms, ${misses} misses`,
  );
});
