// @ts-check
/**
 * The report's answer in one sentence.
 *
 * @module
 */
import { fps, ms, msBounds, px, ratioParts, score } from "./numbers.js";
import { deviceNames, variantLabels } from "./labels.js";
import { medianNs } from "./median.js";

/** @typedef {import("../../harness/report/report_json.ts").Report} Report */
/** @typedef {import("../../harness/report/report_json.ts").ReportVariant} ReportVariant */

/**
 * @typedef {object} Answer
 * @property {"faster" | "same" | "slower" | "undecided" | "single" | "fastest" | "none"} kind
 * @property {string} device serial
 * @property {ReportVariant | null} variant that the sentence speaks of
 * @property {ReportVariant | null} base on the same device
 * @property {"parity" | "emulated" | "unfinished" | null} obstacle why there is no speed, for `none`
 */

/**
 * Returns the answer for one device: the fastest variant with a claim to its speed against the base. A variant that is there for its
 * speed alone is passed over as long as another one has a claim.
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
  const answer = { device: serial, base, obstacle: null };
  if (claims.length === 0) {
    const emulated = report.devices.find((device) => device.serial === serial)?.emulated === true;
    const measured = here.some(({ latencyNs }) => latencyNs !== null);
    return {
      ...answer,
      kind: "none",
      variant: null,
      obstacle: emulated ? "emulated" : measured ? "parity" : "unfinished",
    };
  }
  const compared = claims.filter(({ id, ratio }) => id !== report.base && ratio !== null);
  if (compared.length === 0) {
    const fastest = claims.find(({ speedOnly }) => !speedOnly) ?? claims[0];
    return { ...answer, kind: here.length === 1 ? "single" : "fastest", variant: fastest };
  }
  const useful = compared.filter(({ speedOnly }) => !speedOnly);
  const others = useful.length > 0 ? useful : compared;
  const best = others.reduce((a, b) =>
    /** @type {{value: number}} */ (b.ratio).value > /** @type {{value: number}} */ (a.ratio).value
      ? b
      : a
  );
  return { ...answer, kind: kindOf(best.ratio), variant: best };
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
 * Returns the serial of the device that the first sentence speaks of: the first real one with a claim, else the first.
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
    return kind === "none" ? 2 : variant?.speedOnly ? 1 : 0;
  };
  return serials.reduce(
    (/** @type {string | null} */ best, serial) =>
      best === null || order(serial) < order(best) ? serial : best,
    null,
  );
}

/**
 * Returns the parts of the sentence: keys of the table of texts with the values for their placeholders.
 *
 * @param {Pick<Report, "variants" | "devices" | "base">} report
 * @param {Answer} answer
 * @returns {{ key: string, values: Record<string, string> }[]}
 */
export function answerParts(report, answer) {
  const labels = variantLabels(report.variants).byId;
  const device = deviceNames(report).get(answer.device) ?? answer.device;
  const { variant, base, kind } = answer;
  if (variant === null) {
    return [{ key: `answer.none.${answer.obstacle}`, values: { device } }];
  }
  const spoken = (/** @type {string} */ id) => (labels.get(id) ?? id).replaceAll(" · ", " ");
  const name = spoken(variant.id);
  const baseName = spoken(report.base);
  const parts = [];
  if (kind === "single" || kind === "fastest") {
    const median = variant.medianTotalNs;
    const bounds = median === null ? null : msBounds(median);
    parts.push({
      key: `answer.${kind}`,
      values: {
        variant: name,
        device,
        base: baseName,
        ms: ms(medianNs(variant)),
        fps: fps(variant.fps),
      },
    });
    if (bounds !== null) parts.push({ key: "answer.interval", values: { ...bounds } });
  } else if (variant.ratio !== null) {
    const { value, bounds } = ratioParts(variant.ratio);
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
  if (variant.speedOnly) parts.push({ key: "answer.speedOnly", values: {} });
  else if (variant.accuracy !== null && base?.accuracy && base.id !== variant.id) {
    parts.push({
      key: "answer.accuracyAgainst",
      values: { ap: score(variant.accuracy.ap), base: score(base.accuracy.ap) },
    });
  } else if (variant.accuracy !== null) {
    parts.push({ key: "answer.accuracy", values: { ap: score(variant.accuracy.ap) } });
  }
  return parts;
}
