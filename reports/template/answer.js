// @ts-check
/**
 * The report's answer in one sentence.
 *
 * @module
 */
import { fps, ms, msBounds, px, ratioParts, score } from "./numbers.js";
import { deviceNames, variantLabels } from "./labels.js";

/** @typedef {import("../../harness/report/report_json.ts").Report} Report */
/** @typedef {import("../../harness/report/report_json.ts").ReportVariant} ReportVariant */

/**
 * @typedef {"emulated" | "parity" | "unfinished" | "testBuild"} Obstacle why a variant has no speed
 */

/**
 * @typedef {object} Answer
 * @property {"faster" | "same" | "slower" | "undecided" | "single" | "only" | "fastest" | "none"}
 * kind
 * @property {string} device serial
 * @property {ReportVariant | null} variant that the sentence speaks of
 * @property {ReportVariant | null} base on the same device
 * @property {ReportVariant["ratio"]} ratio that the sentence tells; null where the base has no
 * speed to compare with
 * @property {Obstacle | "mixed" | null} obstacle why there is no speed, for `none`
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
 * Returns the answer for one device: the best variant with a claim to its speed against the base. A
 * variant that is there for its speed alone is passed over as long as another one has a claim, and
 * one that may be faster as long as another one certainly is.
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
  const answer = { device: serial, base, ratio: null, obstacle: null };
  if (claims.length === 0) {
    return { ...answer, kind: "none", variant: null, obstacle: commonObstacle(report, here) };
  }
  const compared = claims.filter(({ id, ratio }) => id !== report.base && ratio !== null);
  if (compared.length === 0 || !claims.some(({ id }) => id === report.base)) {
    const kind = here.length === 1 ? "single" : claims.length === 1 ? "only" : "fastest";
    return { ...answer, kind, variant: usefulOf(claims)[0] };
  }
  const best = usefulOf(compared).reduce((a, b) => betterRatio(b.ratio, a.ratio) ? b : a);
  return { ...answer, kind: kindOf(best.ratio), variant: best, ratio: best.ratio };
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
 * Those that are not there for their speed alone; all, where there are no others. @param
 * {ReportVariant[]} variants
 */
function usefulOf(variants) {
  const useful = variants.filter(({ variant }) => !variant.speedOnly);
  return useful.length > 0 ? useful : variants;
}

/** How good a variant is by what is certain of it. */
const CERTAINTY = { faster: 2, same: 1, undecided: 1, slower: 0 };

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
 * @returns {"faster" | "same" | "slower" | "undecided"}
 */
function kindOf(ratio) {
  if (ratio === null || ratio.low === null || ratio.high === null) return "undecided";
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
 * @param {Pick<Report, "variants" | "devices" | "base">} report
 * @param {Answer} answer
 * @returns {{ key: string, values: Record<string, string> }[]}
 */
export function answerParts(report, answer) {
  const labels = variantLabels(report.variants).byId;
  const device = deviceNames(report).get(answer.device) ?? answer.device;
  const { variant, base, kind, ratio } = answer;
  if (variant === null) {
    return [{ key: `answer.none.${answer.obstacle}`, values: { device } }];
  }
  const spoken = (/** @type {string} */ id) => (labels.get(id) ?? id).replaceAll(" · ", " ");
  const name = spoken(variant.id);
  const baseName = spoken(report.base);
  const parts = [];
  if (ratio === null) {
    const bounds = variant.medianTotalNs === null ? null : msBounds(variant.medianTotalNs);
    parts.push({
      key: `answer.${kind}`,
      values: { variant: name, device, ms: ms(variant.timeNs), fps: fps(variant.fps) },
    });
    if (bounds !== null) parts.push({ key: "answer.interval", values: { ...bounds } });
  } else {
    const { value, bounds } = ratioParts(ratio);
    parts.push({
      key: `answer.${kind}`,
      values: { variant: name, base: baseName, device, ratio: value, ...(bounds ?? {}) },
    });
  }
  if (variant.parity.maxPx !== null && variant.parity.verdict === "pass") {
    parts.push({
      key: "answer.keypoints",
      values: { px: px(Math.max(variant.parity.maxPx, 0.001)) },
    });
  } else if (variant.parity.verdict === "inconclusive") {
    parts.push({ key: "answer.parityInconclusive", values: {} });
  }
  if (variant.variant.speedOnly) parts.push({ key: "answer.speedOnly", values: {} });
  else if (variant.accuracy !== null && base?.accuracy && base.id !== variant.id) {
    parts.push({
      key: "answer.accuracyAgainst",
      values: { ap: score(variant.accuracy.ap), base: score(base.accuracy.ap) },
    });
  } else if (variant.accuracy !== null) {
    parts.push({ key: "answer.accuracy", values: { ap: score(variant.accuracy.ap) } });
  }
  parts.push(...asides(report, answer, spoken));
  return parts;
}

/**
 * Returns what must be said of other variants lest the sentence be read as more than it says.
 *
 * @param {Pick<Report, "variants" | "devices" | "base">} report
 * @param {Answer} answer
 * @param {(id: string) => string} spoken
 * @returns {{ key: string, values: Record<string, string> }[]}
 */
function asides(report, { device, variant, base, kind, ratio }, spoken) {
  const parts = [];
  if (ratio === null && kind !== "single" && variant?.id !== report.base) {
    const obstacle = base === null ? null : obstacleOf(report, base);
    parts.push({
      key: `answer.base.${obstacle ?? "noRatio"}`,
      values: { base: spoken(report.base) },
    });
  }
  const toBeatFps = Math.max(variant?.fps ?? 0, base?.fps ?? 0);
  const faster = report.variants.find((other) =>
    other.device === device && other.variant.speedOnly && !variant?.variant.speedOnly &&
    (other.fps ?? 0) > toBeatFps
  );
  if (faster !== undefined && (kind === "slower" || kind === "fastest")) {
    parts.push({ key: "answer.fasterSpeedOnly", values: { variant: spoken(faster.id) } });
  }
  return parts;
}
