import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { testManifest } from "../parity/testdata/manifest.ts";
import { variantId } from "../record/variant.ts";
import { answerOf, answerText, TuneAnswerSchema } from "./answer.ts";
import type { Entry } from "./space.ts";

const LIMITS = { maxApDrop: 0.01, maxMb: null, minFps: null };

function entry(
  change: Parameters<typeof testManifest>[0],
  time: number,
  more: Partial<Entry> = {},
) {
  const { value, low, high } = { value: time, low: 0.9 * time, high: 1.1 * time };
  return {
    key: testManifest(change),
    ...{ stage: "final" as const, time: { value, low, high }, ap: 0.5, sizeBytes: 5e6 },
    ...{ apDifference: { value: 0, low: 0, high: 0 }, refusal: null, beatenBy: null },
    ...more,
  };
}

const BASE = entry({}, 1);
const FAST = entry({ precision: "fp16" }, 0.5);
const NEAR = entry({ precision: "bf16" }, 0.51);
const LOSSY = entry({ precision: "int8" }, 0.3, { ap: 0.3, refusal: "it loses 0.200 AP" });
const ids = [BASE, FAST, NEAR, LOSSY].map(({ key }) => variantId(key));
const INPUT = {
  base: ids[0],
  entries: [BASE, FAST, NEAR, LOSSY],
  survivors: [ids[1], ids[2]],
  winnerMs: () => 20,
  snippet: (id: string) => `// ${id}`,
  ...{ isAnnotated: true, limits: LIMITS, left: [], notes: [] },
};

Deno.test("answerOf() names the winner, what can't be told from it, and the faster one that is not allowed", () => {
  const answer = answerOf(INPUT);
  assertEquals([answer.winner, answer.alike, answer.winnerMs], [ids[1], [ids[2]], 20]);
  assertEquals(answer.snippet, `// ${ids[1]}`);
  assertEquals(TuneAnswerSchema.parse(JSON.parse(JSON.stringify(answer))), answer);
  assertEquals(answer.notes, [`Faster, but not allowed: ${ids[3]}: it loses 0.200 AP.`]);
  assertEquals(answer.entries.filter(({ onFront }) => onFront).map(({ id }) => id), [ids[1]]);
});

Deno.test("answerOf() has no winner when none keeps the limits, and says when the frames are too few", () => {
  const none = answerOf({ ...INPUT, survivors: [ids[3]] });
  assertEquals([none.winner, none.winnerMs], [null, null]);
  assert(none.notes.includes("No variant keeps the limits."));
  const { notes } = answerOf({ ...INPUT, limits: { ...LIMITS, minFps: 60 } });
  assertStringIncludes(notes.join(" "), "No variant reaches 60 FPS within the limits");
  assertEquals(
    answerOf({ ...INPUT, limits: { ...LIMITS, minFps: 40 } }).notes.length,
    INPUT.notes.length + 1,
  );
});

Deno.test("answerText() ends with the one to ship, and says what accuracy is without annotations", () => {
  const text = answerText(answerOf({ ...INPUT, isAnnotated: false }));
  const lines = text.trimEnd().split("\n");
  assertMatch(
    lines.at(-1)!,
    /^Ship made-up\.\S+fp16\S+: 20\.0 ms, 0\.50 × the time of fp32\S+, agreement \+0\.000\.$/,
  );
  assertMatch(lines.at(-2)!, /^Can't be told from it: bf16/);
  assert(lines.some((line) => line.startsWith("The images have no annotations")));
});
