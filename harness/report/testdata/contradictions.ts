/**
 * What a report says twice must be equal: a check for every report that tests make.
 *
 * @module
 */
import { answerFor, answerParts } from "../../../reports/template/answer.js";
import { variantLabels } from "../../../reports/template/labels.js";
import { fps, msNumber, ratioParts } from "../../../reports/template/numbers.js";
import { isUseless } from "../../stats/ranking.ts";
import { inEnglish } from "../english.ts";
import type { Report, ReportVariant } from "../report_json.ts";
import { summaryText } from "../summary_text.ts";

/** Two numbers of one thing may differ by the arithmetic of floats alone. */
const ROUNDING = 1e-9;
/** Two numbers with three significant digits each, of which one is the other's reciprocal. */
const SHOWN_ROUNDING = 0.011;

/**
 * Returns each pair of places of a report, and of its texts, that give different numbers for one
 * thing; empty when it does not contradict itself.
 */
export function contradictionsIn(report: Report): string[] {
  return [
    ...report.variants.flatMap((variant) => ofVariant(report, variant)),
    ...report.devices.flatMap(({ serial }) => ofOrder(report, serial)),
    ...ofPairs(report),
    ...ofText(report),
  ];
}

function differs(one: number, other: number, allowed = ROUNDING): boolean {
  return !(Math.abs(one / other - 1) <= allowed);
}

function ofVariant(report: Report, variant: ReportVariant): string[] {
  const { id, device, timeNs, medianTotalNs, figures, ratio, rank, unranked, benchncnn } = variant;
  const found: string[] = [];
  const check = (holds: boolean, what: string) => {
    if (!holds) found.push(`${id} on ${device}: ${what}`);
  };
  check((timeNs === null) === (medianTotalNs === null), "it has a time or an interval, not both");
  if (timeNs !== null && medianTotalNs !== null) {
    check(timeNs === medianTotalNs.value, `time ${timeNs}, interval of ${medianTotalNs.value}`);
    const figure = figures["total.p50"]?.value;
    check(timeNs === figure, `time ${timeNs}, metric total.p50 ${figure}`);
    check(variant.fps === null || !differs(1e9 / timeNs, variant.fps), `FPS ${variant.fps}`);
  }
  check(variant.fps === null || timeNs !== null, "FPS without a time");
  for (const [name, figure] of [["time", medianTotalNs], ["ratio", ratio]] as const) {
    if (figure === null || figure.low === null || figure.high === null) continue;
    const isHeld = figure.low <= figure.value && figure.value <= figure.high;
    check(isHeld, `${name} ${figure.value} is not within ${figure.low} to ${figure.high}`);
  }
  const base = report.variants.find((other) => other.id === report.base && other.device === device);
  if (ratio !== null && base?.timeNs && timeNs !== null) {
    const quotient = base.timeNs / timeNs;
    check(!differs(ratio.value, quotient), `ratio ${ratio.value}, quotient ${quotient}`);
    check(id === base.id || ratio.useless === isUseless(ratio), `useless: ${ratio.useless}`);
  }
  check((rank === null) === (unranked !== null), "it has a rank, or the reason for none");
  check(rank === null || rank.best <= rank.worst, `places ${rank?.best} to ${rank?.worst}`);
  if (benchncnn !== null && figures["inference.p50"]) {
    const quotient = figures["inference.p50"].value / 1e6 / benchncnn.avgMs;
    check(!differs(benchncnn.ratio, quotient), `benchncnn ${benchncnn.ratio}, not ${quotient}`);
  }
  check(
    variant.quality.converted !== "right" ||
      variant.parity.verdict === "pass" && variant.parity.matched > 0,
    "converted right, though nobody was matched or parity did not pass",
  );
  return found;
}

/** Sorting by time is the order of ranks. */
function ofOrder(report: Report, device: string): string[] {
  const ranked = report.variants.filter((variant) =>
    variant.device === device && variant.rank !== null
  ).sort((a, b) => a.timeNs! - b.timeNs!);
  return ranked.slice(1).flatMap((variant, i) => {
    const [before, after] = [ranked[i].rank!, variant.rank!];
    return before.best <= after.best && before.worst <= after.worst ? [] : [
      `${
        ranked[i].id
      } takes less time than ${variant.id}, and its places are ${before.best}–${before.worst} against ${after.best}–${after.worst}`,
    ];
  });
}

function ofPairs({ rankings, variants }: Report): string[] {
  return rankings.flatMap(({ device, pairs, variants: ranked }) => {
    const of = (id: string) => variants.find((each) => each.id === id && each.device === device);
    const quotients = pairs.flatMap(({ faster, slower, ratio, low, high, certain }) => {
      const [one, other] = [of(faster)?.timeNs, of(slower)?.timeNs];
      const holds = low === null || high === null || low <= ratio && ratio <= high;
      return one && other && (differs(ratio, other / one, 1e-6) || !holds || certain && low! <= 1)
        ? [`${slower} takes ${ratio} of ${faster}, the times say ${other / one}`]
        : [];
    });
    const places = ranked.flatMap(({ variantId, rank }) =>
      JSON.stringify(rank) === JSON.stringify(of(variantId)?.rank ?? null)
        ? []
        : [`${variantId} has two ranks`]
    );
    return [...quotients, ...places];
  });
}

/** What the terminal and the sentence say, as a reader reads it. */
function ofText(report: Report): string[] {
  const text = summaryText(report, 1000);
  const labels = variantLabels(report.variants).byId;
  const found = report.variants.flatMap((variant) => {
    const own = text.slice(text.indexOf(`Device ${variant.device}`)).split("\n");
    const label = labels.get(variant.id)!;
    const row = own.find((line) => line.includes(`  ${label}  `));
    if (row === undefined) return [`${variant.id} has no row in the terminal`];
    const cells = row.trim().split(/ {2,}/);
    const wrong: string[] = [];
    const [, , shownMs, , shownFps] = cells;
    if (shownMs !== msNumber(variant.timeNs)) wrong.push(`time ${shownMs}`);
    if (shownFps !== fps(variant.fps)) wrong.push(`FPS ${shownFps}`);
    if (variant.fps !== null && differs(1000 / Number(shownMs), Number(shownFps), SHOWN_ROUNDING)) {
      wrong.push(`1000/${shownMs} is not ${shownFps}`);
    }
    return wrong.map((what) => `${variant.id} in the terminal: ${what}`);
  });
  for (const { serial } of report.devices) {
    const answer = answerFor(report, serial);
    const sentence = answerParts(report, answer).map(inEnglish).join("; ");
    if (/\{\w+\}/.test(sentence)) found.push(`the sentence has a hole: ${sentence}`);
    const told = /(\d+\.\d+)×/.exec(sentence.split(";")[0])?.[1];
    if (answer.ratio !== null && told !== ratioParts(answer.ratio).value) {
      found.push(`the sentence tells ${told}, the ratio is ${answer.ratio.value}`);
    }
    if (answer.ratio === null && told !== undefined && answer.kind !== "open") {
      found.push(`the sentence tells ${told} where there is no ratio`);
    }
    if (answer.ratio?.useless) found.push("the sentence tells a ratio that says nothing");
  }
  return found;
}
