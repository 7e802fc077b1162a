// @ts-check
/**
 * What ran and in which state the machine was, as keys of the table of texts with their values: the
 * page and the terminal say the same.
 *
 * @module
 */
import { fixed, significant } from "./numbers.js";
import { areBranchesTelling, plain } from "./labels.js";

/** @typedef {import("../../harness/report/report_json.ts").Report} Report */
/** @typedef {{ key: string, values: Record<string, string> }} Part */

/** @param {Pick<Report, "conditions">} report @param {string} device */
function conditionsOf({ conditions }, device) {
  return conditions.find((each) => each.device === device) ?? null;
}

/**
 * Returns what ran on a device: threads, cores, precision as asked and as run, ncnn, heat. Empty
 * for a report of before these were told, and where no launch finished.
 *
 * @param {Pick<Report, "conditions" | "variants">} report
 * @param {string} device
 * @returns {Part[]}
 */
export function ranParts(report, device) {
  const told = conditionsOf(report, device);
  if (told === null || told.launches === 0) return [];
  const here = report.variants.filter((variant) => variant.device === device && variant.rounds > 0);
  /** @type {Part[]} */
  const parts = [];
  const add = (/** @type {string} */ key, /** @type {Record<string, string>} */ values = {}) =>
    parts.push({ key, values });
  const { threads } = told;
  add(threads.length === 1 && threads[0] === 1 ? "ran.thread" : "ran.threads", {
    n: threads.join(", "),
  });
  for (const mask of told.coreMasks) if (mask !== null) add("ran.mask", { mask: plain(mask, 40) });
  for (const powersave of told.powersave) {
    if (powersave !== null && told.coreMasks.every((mask) => mask === null)) {
      add(`ran.powersave.${powersave}`);
    }
  }
  const precisions = here.map(({ precision, labels, ranAsAsked }) =>
    ranAsAsked ? labels.precision : `${precision.requested} → ${labels.precision}`
  );
  add(
    here.every(({ ranAsAsked }) => ranAsAsked) ? "ran.asAsked" : "ran.precision",
    { precisions: [...new Set(precisions)].join(", ") },
  );
  const branches = [...new Set(here.map(({ labels }) => labels.branch))];
  if (areBranchesTelling(branches)) add("ran.branch", { branches: branches.join(", ") });
  add("ran.ncnn", { versions: told.ncnnVersions.map((text) => plain(text, 40)).join(", ") });
  const { verdict, hottestC, hotLaunches } = told.heat;
  const degrees = hottestC === null ? "" : `.degrees`;
  if (verdict === "unknown") add("ran.heat.unknown");
  else {
    add(`ran.heat.${verdict}${degrees}`, {
      c: hottestC === null ? "" : significant(hottestC, 3),
      n: String(hotLaunches),
      all: String(told.launches),
    });
  }
  return parts;
}

/**
 * Returns the states of a device that a reader must know of: two speeds, drift, stolen time; and
 * that none were seen. Empty for a report of before these were told.
 *
 * @param {Pick<Report, "conditions">} report
 * @param {string} device
 * @returns {Part[]}
 */
export function stateParts(report, device) {
  const told = conditionsOf(report, device);
  if (told === null || told.launches < 2) return [];
  /** @type {Part[]} */
  const parts = [];
  if (told.speeds !== null) {
    const { ratio, slowLaunches, fastLaunches } = told.speeds;
    parts.push({
      key: "state.speeds",
      values: {
        percent: fixed(100 * (ratio - 1), 0),
        slow: String(slowLaunches),
        all: String(slowLaunches + fastLaunches),
      },
    });
  }
  if (told.drift !== null) {
    const { ratio } = told.drift;
    parts.push({
      key: ratio > 1 ? "state.slower" : "state.faster",
      values: { percent: fixed(100 * Math.abs(ratio - 1), 1) },
    });
  }
  if (told.steal !== null) {
    parts.push({
      key: "state.steal",
      values: {
        mean: fixed(100 * told.steal.meanShare, 1),
        most: fixed(100 * told.steal.mostShare, 1),
      },
    });
  }
  if (parts.length === 0) {
    parts.push({ key: "state.steady", values: { n: String(told.launches) } });
  }
  if (told.stealKnown === 0) parts.push({ key: "state.stealUnknown", values: {} });
  return parts;
}

/** Whether a machine had states that bear on its times. @param {Part[]} parts */
export function hasStates(parts) {
  return parts.some(({ key }) => !["state.steady", "state.stealUnknown"].includes(key));
}
