/**
 * All entries of a tuning → the answer: which one to ship, which can't be told from it, the front,
 * and what was left out. Pure.
 *
 * @module
 */
import { z } from "zod";
import { formatTable } from "../text/table.ts";
import type { TuneLimits } from "./judge_stage.ts";
import { type Entry, frontOf, idOf, STAGE_NAMES } from "./space.ts";

const number = z.number();
const IntervalSchema = z.strictObject({
  value: number,
  low: number.nullable(),
  high: number.nullable(),
});

/** Schema of `tune.json`: what a tuning found. */
export const TuneAnswerSchema = z.strictObject({
  winner: z.string().nullable().describe("Id of the fastest that may be chosen; null for none."),
  alike: z.array(z.string()).describe("Ids that can't be told from the winner."),
  base: z.string().describe("Id of what everything is compared with."),
  winnerMs: number.nullable().describe("Time per image of the winner, milliseconds."),
  isAnnotated: z.boolean().describe(
    "True when accuracy is AP by annotations; false when it is agreement with the base's reference.",
  ),
  notes: z.array(z.string()).describe("What a reader should know, in sentences."),
  entries: z.array(z.strictObject({
    id: z.string().describe("Id of the contestant."),
    stage: z.enum(STAGE_NAMES).describe("Last stage that it took part in."),
    time: IntervalSchema.nullable().describe("Time over the base's; null when it was not timed."),
    ap: number.nullable().describe("AP or agreement, 0 to 1; null when it is not known."),
    apDifference: IntervalSchema.nullable().describe("AP minus the base's, with 95% interval."),
    sizeBytes: number.nullable().describe("Size of the weights, bytes."),
    refusal: z.string().nullable().describe("Why it may not be chosen; null when it may."),
    beatenBy: z.string().nullable().describe("Who it was surely slower than; null for no one."),
    onFront: z.boolean().describe("True when none is better in both time and accuracy."),
  })).describe("Every contestant, in the order of the stages."),
  left: z.array(z.strictObject({ id: z.string(), reason: z.string() })).describe(
    "Contestants that could not be made or run.",
  ),
  snippet: z.string().nullable().describe("What to type into an app, as C++; null for no winner."),
});
/** See {@linkcode TuneAnswerSchema}. */
export type TuneAnswer = z.infer<typeof TuneAnswerSchema>;

/** What the answer is made from. */
export interface AnswerInput {
  base: string;
  entries: readonly Entry[];
  /** Ids still in when the last race ended, fastest first. */
  survivors: readonly string[];
  winnerMs: (id: string) => number | null;
  isAnnotated: boolean;
  limits: TuneLimits;
  left: readonly { id: string; reason: string }[];
  notes: readonly string[];
  /** Returns what to type for a variant. */
  snippet: (id: string) => string | null;
}

/** Returns the answer. */
export function answerOf(input: AnswerInput): TuneAnswer {
  const { base, limits, winnerMs } = input;
  const newest = new Map(input.entries.map((entry) => [idOf(entry), entry]));
  const entries = [...newest.values()];
  const front = new Set(frontOf(entries));
  const allowed = input.survivors.filter((id) => newest.get(id)?.refusal === null);
  const [winner = null, ...alike] = allowed;
  const notes = [...input.notes];
  const ms = winner === null ? null : winnerMs(winner);
  if (winner === null) notes.push("No variant keeps the limits.");
  if (limits.minFps !== null && ms !== null && 1000 / ms < limits.minFps) {
    notes.push(
      `No variant reaches ${limits.minFps} FPS within the limits: the fastest has ${
        (1000 / ms).toFixed(1)
      }.`,
    );
  }
  const faster = entries.filter(({ refusal, time }) =>
    refusal !== null && time !== null && winner !== null &&
    time.value < newest.get(winner)!.time!.value
  ).toSorted((a, b) => a.time!.value - b.time!.value);
  if (faster.length > 0) {
    notes.push(`Faster, but not allowed: ${idOf(faster[0])}: ${faster[0].refusal}.`);
  }
  return {
    winner,
    alike,
    base,
    winnerMs: ms,
    isAnnotated: input.isAnnotated,
    notes,
    entries: entries.map((entry) => {
      const { key: _, ...told } = entry;
      return { ...told, id: idOf(entry), onFront: front.has(entry) };
    }),
    left: [...input.left],
    snippet: winner === null ? null : input.snippet(winner),
  };
}

/** Returns the answer as text for a terminal, the sentence that matters last. */
export function answerText(answer: TuneAnswer): string {
  const { entries, isAnnotated, left, winner, alike, winnerMs, notes, base } = answer;
  const accuracy = isAnnotated ? "AP" : "agreement";
  // the parts that all ids begin with stand once, below
  const shared = sharedStart(entries.map(({ id }) => id));
  const short = (id: string) => id.slice(shared.length);
  const rows = entries.filter(({ onFront, id }) => onFront || id === winner)
    .toSorted((a, b) => a.time!.value - b.time!.value)
    .map(({ id, time, ap, apDifference, sizeBytes }) => [
      short(id),
      `${time!.value.toFixed(3)}`,
      time!.low === null || time!.high === null
        ? "–"
        : `${time!.low.toFixed(3)}–${time!.high.toFixed(3)}`,
      ap === null ? "–" : ap.toFixed(3),
      apDifference === null ? "–" : signed(apDifference.value),
      sizeBytes === null ? "–" : `${(sizeBytes / 1e6).toFixed(1)}`,
    ]);
  const front = formatTable(
    [`${shared}…`, "time / base", "interval", accuracy, "against base", "MB"],
    rows,
  );
  const lines = [
    front,
    ...left.map(({ id, reason }) => `Left out: ${short(id)}: ${reason}`),
    ...(isAnnotated
      ? []
      : ["The images have no annotations: accuracy is agreement with the base's reference."]),
    ...notes,
  ];
  if (winner !== null) {
    const { time, apDifference } = entries.find(({ id }) => id === winner)!;
    if (alike.length > 0) lines.push(`Can't be told from it: ${alike.map(short).join(", ")}`);
    lines.push(
      `Ship ${winner}: ${winnerMs === null ? "" : `${winnerMs.toFixed(1)} ms, `}${
        time!.value.toFixed(2)
      } × the time of ${short(base)}${
        apDifference === null ? "" : `, ${accuracy} ${signed(apDifference.value)}`
      }.`,
    );
  }
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

/** The parts between dots, with the last dot, that all ids begin with. */
function sharedStart(ids: readonly string[]): string {
  const [first, ...others] = ids.map((id) => id.split("."));
  const count = first.findIndex((part, i) => others.some((parts) => parts[i] !== part));
  return count <= 0 ? "" : `${first.slice(0, count).join(".")}.`;
}

function signed(value: number): string {
  return value < 0 ? `−${(-value).toFixed(3)}` : `+${value.toFixed(3)}`;
}
