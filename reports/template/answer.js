// @ts-check
/**
 * The report's answer in one sentence.
 *
 * @module
 */
import { fps, ms, msBounds, px, ratioParts, score, signed } from "./numbers.js";
import { deviceNames, plain, variantLabels } from "./labels.js";

/** @typedef {import("../../harness/report/report_json.ts").Report} Report */
/** @typedef {import("../../harness/report/report_json.ts").ReportVariant} ReportVariant */

/**
 * @typedef {"emulated" | "parity" | "unfinished" | "testBuild"} Obstacle why a variant has no speed
 */

/**
 * What the sentence says. `base`: no other variant is accurate enough; `open`: no ratio tells
 * anything.
 *
 * @typedef {"faster" | "same" | "slower" | "base" | "open"
 *   | "single" | "only" | "fastest" | "none"} AnswerKind
 */

/**
 * @typedef {object} Answer
 * @property {AnswerKind} kind
 * @property {string} device serial
 * @property {ReportVariant | null} variant that the sentence speaks of
 * @property {ReportVariant | null} base on the same device
 * @property {ReportVariant["ratio"]} ratio that the sentence tells; null where there is none worth
 * telling
 * @property {Obstacle | "mixed" | null} obstacle why there is no speed, for `none`
 * @property {ReportVariant[]} worse faster than the answer and not accurate enough, fastest first
 * @property {ReportVariant[]} unjudged faster than the answer, and not known to be accurate enough
 */

/**
 * Returns why the variant's times are no speed; null when they are.
 *
 * @param {Pick<Report, "devices">} report
 * @param {ReportVariant} variant
 * @returns {Obstacle | null}
 */
export function obstacleOf(report, variant) {
  if (variant.fps !== null) return null;
  const device = report.devices.find(({ serial }) => serial === variant.device);
  if (device?.emulated) return "emulated";
  if (variant.parity.verdict === "fail") return "parity";
  return isUnfinished(variant) ? "unfinished" : "testBuild";
}

/**
 * Returns true when no round of the variant finished.
 *
 * @param {ReportVariant} variant
 */
export function isUnfinished({ rounds, latencyNs }) {
  return rounds === 0 || latencyNs === null;
}

/**
 * Returns the answer for one device: the fastest variant within the AP budget of the base, and
 * which ones are faster but worse.
 *
 * Where no AP can be compared, agreement with the reference has to do. A variant that is there for
 * its speed alone is passed over as long as another one has a claim, and one that may be faster as
 * long as another one certainly is.
 *
 * @param {Pick<Report, "variants" | "devices" | "base">} report
 * @param {string} serial
 * @returns {Answer}
 */
export function answerFor(report, serial) {
  const here = report.variants.filter(({ device }) => device === serial);
  const base = here.find(({ id }) => id === report.base) ?? null;
  const claims = here.filter((variant) => variant.fps !== null)
    .sort((a, b) => /** @type {number} */ (b.fps) - /** @type {number} */ (a.fps));
  /** @type {Omit<Answer, "kind" | "variant">} */
  const answer = { device: serial, base, ratio: null, obstacle: null, worse: [], unjudged: [] };
  if (claims.length === 0) {
    return { ...answer, kind: "none", variant: null, obstacle: commonObstacle(report, here) };
  }
  const compared = claims.filter(({ id, ratio }) => id !== report.base && ratio !== null);
  // where no change of AP is known, agreement with the reference has to do
  const isAnnotated = here.some(({ accuracy }) => (accuracy?.againstBase?.low ?? null) !== null);
  if (compared.length === 0 || !claims.some(({ id }) => id === report.base)) {
    const kind = here.length === 1 ? "single" : claims.length === 1 ? "only" : "fastest";
    return { ...answer, kind, variant: mostUseful(claims, isAnnotated)[0] };
  }
  const useful = mostUseful(compared, isAnnotated);
  const best = useful.reduce((a, b) => betterRatio(b.ratio, a.ratio) ? b : a);
  const isEnough = !isAnnotated || best.variant.speedOnly || best.quality.accurate === "right";
  const kind = isEnough ? kindOf(best.ratio) : "base";
  const toBeat = kind === "faster" ? best.ratio?.value ?? 1 : 1;
  const faster = compared.filter(({ ratio, variant }) =>
    !variant.speedOnly && kindOf(ratio) === "faster" && (ratio?.value ?? 0) > toBeat
  );
  return {
    ...answer,
    kind,
    variant: kind === "base" ? base : best,
    ratio: kind === "base" || kind === "open" ? null : best.ratio,
    worse: faster.filter(({ quality }) => quality.accurate === "lossy"),
    unjudged: isAnnotated
      ? faster.filter((each) => each.quality.accurate === "not-judged" && each !== best)
      : [],
  };
}

/**
 * Returns why none of the variants of a device has a speed.
 *
 * @param {Pick<Report, "devices">} report
 * @param {ReportVariant[]} here
 * @returns {Obstacle | "mixed" | null}
 */
function commonObstacle(report, here) {
  const obstacles = new Set(here.map((variant) => obstacleOf(report, variant)));
  const [first = "unfinished"] = obstacles;
  return obstacles.size <= 1 ? first : obstacles.has("testBuild") ? "testBuild" : "mixed";
}

/**
 * Those that are converted right and accurate enough; else those that are not known to be wrong;
 * else all.
 *
 * @param {ReportVariant[]} variants
 * @param {boolean} isAnnotated
 */
function mostUseful(variants, isAnnotated) {
  const useful = variants.filter(({ variant }) => !variant.speedOnly);
  const right = useful.filter(({ quality }) =>
    quality.converted === "right" && (!isAnnotated || quality.accurate === "right")
  );
  return [right, useful, variants].find((some) => some.length > 0) ?? [];
}

/** How good a variant is by what is certain of it. */
const CERTAINTY = { faster: 2, same: 1, open: 1, slower: 0 };

/**
 * @param {ReportVariant["ratio"]} a
 * @param {ReportVariant["ratio"]} b
 */
function betterRatio(a, b) {
  const order = CERTAINTY[kindOf(a)] - CERTAINTY[kindOf(b)];
  return order > 0 || order === 0 && (a?.value ?? 0) > (b?.value ?? 0);
}

/**
 * @param {ReportVariant["ratio"]} ratio
 * @returns {"faster" | "same" | "slower" | "open"}
 */
function kindOf(ratio) {
  if (ratio === null || ratio.useless || ratio.low === null || ratio.high === null) return "open";
  return ratio.low > 1 ? "faster" : ratio.high < 1 ? "slower" : "same";
}

/**
 * Returns the serial of the device that the first sentence speaks of: the first real one with a
 * claim, else the first.
 *
 * @param {Pick<Report, "variants" | "devices" | "base">} report
 * @returns {string | null}
 */
export function headlineDevice(report) {
  const serials = [
    ...new Set([
      ...report.devices.map(({ serial }) => serial),
      ...report.variants.map(({ device }) => device),
    ]),
  ];
  const order = (/** @type {string} */ serial) => {
    const { kind, variant } = answerFor(report, serial);
    return kind === "none" ? 2 : variant?.variant.speedOnly ? 1 : 0;
  };
  return serials.reduce(
    (/** @type {string | null} */ best, serial) =>
      best === null || order(serial) < order(best) ? serial : best,
    null,
  );
}

/**
 * Returns the parts of the sentence: keys of the table of texts with the values for their
 * placeholders.
 *
 * @param {Pick<Report, "variants" | "devices" | "base" | "apBudget">} report
 * @param {Answer} answer
 * @returns {{ key: string, values: Record<string, string> }[]}
 */
export function answerParts(report, answer) {
  const labels = variantLabels(report.variants).byId;
  const device = deviceNames(report).get(answer.device) ?? answer.device;
  const { variant, kind, ratio } = answer;
  const spoken = (/** @type {string} */ id) => (labels.get(id) ?? id).replaceAll(" · ", " ");
  if (variant === null) {
    return [
      { key: `answer.none.${answer.obstacle}`, values: { device } },
      ...failedParts(report, answer.device, spoken),
    ];
  }
  const name = spoken(variant.id);
  const baseName = spoken(report.base);
  /** @type {{ key: string, values: Record<string, string> }[]} */
  const parts = [];
  if (kind === "open") {
    parts.push({
      key: variant.ratio?.low === null ? "answer.openFew" : "answer.open",
      values: { variant: name, base: baseName, device, ...ratioParts(zeroless(variant)).bounds },
    });
  } else if (kind === "base") {
    parts.push({
      key: "answer.base",
      values: { base: baseName, device, budget: score(report.apBudget), ...timeValues(variant) },
    });
  } else if (ratio === null) {
    const bounds = variant.medianTotalNs === null ? null : msBounds(variant.medianTotalNs);
    parts.push({
      key: `answer.${kind}`,
      values: { variant: name, device, ...timeValues(variant) },
    });
    if (bounds !== null) parts.push({ key: "answer.interval", values: { ...bounds } });
  } else {
    const { value, bounds } = ratioParts(ratio);
    parts.push({
      key: `answer.${kind}`,
      values: { variant: name, base: baseName, device, ratio: value, ...(bounds ?? {}) },
    });
  }
  if (variant.quality.converted === "not-judged") {
    parts.push({ key: "answer.notJudged", values: {} });
  } else if (variant.parity.maxPx !== null) {
    parts.push({
      key: "answer.keypoints",
      values: { px: px(Math.max(variant.parity.maxPx, 0.001)) },
    });
  }
  if (variant.variant.speedOnly) parts.push({ key: "answer.speedOnly", values: {} });
  else parts.push(...accuracyParts(variant));
  for (
    const [key, others]
      of /** @type {const} */ ([["worse", answer.worse], ["unjudged", answer.unjudged]])
  ) {
    if (others.length > 0) {
      parts.push({
        key: `answer.${key}`,
        values: { variants: listed(others.map((other) => withFigures(other, spoken))) },
      });
    }
  }
  parts.push(...asides(report, answer, spoken), ...failedParts(report, answer.device, spoken));
  return parts;
}

/** @param {ReportVariant} variant */
function zeroless({ ratio }) {
  return ratio ?? { value: 1, low: null, high: null };
}

/** @param {ReportVariant} variant */
function timeValues(variant) {
  return { ms: ms(variant.timeNs), fps: fps(variant.fps) };
}

/** Names that a sentence takes, the rest as a number. */
const NAMED = 3;

/** @param {string[]} names */
function listed(names) {
  const left = names.length - NAMED;
  return left > 0 ? `${names.slice(0, NAMED).join(", ")}, +${left}` : names.join(", ");
}

/**
 * @param {ReportVariant} variant
 * @param {(id: string) => string} spoken
 */
function withFigures({ id, ratio, accuracy }, spoken) {
  const change = accuracy?.againstBase ?? null;
  const figures = [
    ratio === null ? null : `${ratioParts(ratio).value}×`,
    change === null ? null : `AP ${signed(change.value, 3)}`,
  ].filter((text) => text !== null);
  return `${spoken(id)} (${figures.join(", ")})`;
}

/**
 * @param {ReportVariant} variant
 * @returns {{ key: string, values: Record<string, string> }[]}
 */
function accuracyParts({ accuracy }) {
  if (accuracy === null) return [];
  const { ap, againstBase } = accuracy;
  /** @type {{ key: string, values: Record<string, string> }[]} */
  const parts = [];
  if (againstBase === null) parts.push({ key: "answer.accuracy", values: { ap: score(ap) } });
  else {
    const { value, low, high } = againstBase;
    parts.push({
      key: low === null || high === null ? "answer.accuracyChange" : "answer.accuracyAgainst",
      values: {
        ap: score(ap),
        change: signed(value, 3),
        low: low === null ? "" : signed(low, 3),
        high: high === null ? "" : signed(high, 3),
      },
    });
  }
  if (ap < NEAR_ZERO_AP) parts.push({ key: "answer.findsNothing", values: {} });
  return parts;
}

/** AP below which a model finds next to nothing: a warning, whatever the speed. */
export const NEAR_ZERO_AP = 0.05;

/**
 * Returns which variants failed parity, at which stage, and what it looks like.
 *
 * @param {Pick<Report, "variants">} report
 * @param {string} device
 * @param {(id: string) => string} spoken
 */
function failedParts(report, device, spoken) {
  const failed = report.variants.filter((variant) =>
    variant.device === device && variant.parity.verdict === "fail"
  );
  return Map.groupBy(failed, ({ parity }) => `${parity.firstFailedStage} ${failureCause(parity)}`)
    .values().take(2).map((some) => ({
      key: `answer.failed.${some[0].parity.firstFailedStage ?? "end-to-end"}`,
      values: {
        variants: listed(some.map(({ id }) => spoken(id))),
        why: failureCause(some[0].parity),
      },
    })).toArray();
}

/**
 * Returns what a failed stage looks like, without its figures: `red and blue are swapped`.
 *
 * @param {ReportVariant["parity"]} parity
 */
export function failureCause({ stages, firstFailedStage, reason }) {
  const stage = stages.find((each) => each.stage === firstFailedStage);
  const text = (stage?.reason ?? reason).replace(
    /^(\d+ of \d+ images, worst|worst image) [^:]*: /,
    "",
  );
  return plain(text.split(/: |; /)[0], 120);
}

/**
 * Returns what must be said of other variants lest the sentence be read as more than it says.
 *
 * @param {Pick<Report, "variants" | "devices" | "base">} report
 * @param {Answer} answer
 * @param {(id: string) => string} spoken
 * @returns {{ key: string, values: Record<string, string> }[]}
 */
function asides(report, { device, variant, base, kind }, spoken) {
  const parts = [];
  if (kind === "only" || kind === "fastest") {
    const obstacle = base === null ? null : obstacleOf(report, base);
    if (variant?.id !== report.base) {
      parts.push({
        key: `answer.base.${obstacle ?? "noRatio"}`,
        values: { base: spoken(report.base) },
      });
    }
  }
  const toBeatFps = Math.max(variant?.fps ?? 0, base?.fps ?? 0);
  const faster = report.variants.find((other) =>
    other.device === device && other.variant.speedOnly && !variant?.variant.speedOnly &&
    (other.fps ?? 0) > toBeatFps
  );
  if (faster !== undefined && ["slower", "base", "fastest"].includes(kind)) {
    parts.push({ key: "answer.fasterSpeedOnly", values: { variant: spoken(faster.id) } });
  }
  return parts;
}
