/**
 * All entries of a tuning → the answer: which one to ship, which can't be told from it, the front,
 * and what was left out. Pure.
 *
 * @module
 */
import { formatTable } from "../text/table.ts";
import type { TuneLimits } from "./judge_stage.ts";
import { type Entry, frontOf, idOf } from "./space.ts";

/** What a tuning found; `tune.json` holds it. */
export interface TuneAnswer {
  /** Id of the fastest that may be chosen; null when none may. */
  winner: string | null;
  /** Ids that can't be told from the winner, the winner itself left out. */
  alike: string[];
  /** Id of what everything is compared with. */
  base: string;
  /** Median time of the winner in its solo launches, milliseconds; null without a winner. */
  winnerMs: number | null;
  /** True when accuracy is AP by annotations; false when it is agreement with the base. */
  isAnnotated: boolean;
  /** Sentences: limits that nothing keeps, stages that found no time. */
  notes: string[];
  /** Every contestant, in the order of the stages. */
  entries: (Entry & { id: string; onFront: boolean })[];
  /** Contestants that could not be made or run, with the reason. */
  left: { id: string; reason: string }[];
}

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
    entries: entries.map((entry) => ({ ...entry, id: idOf(entry), onFront: front.has(entry) })),
    left: [...input.left],
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
