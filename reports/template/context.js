// @ts-check
/**
 * What every section is drawn from: the data, and the choices of the reader.
 *
 * @module
 */
import { deviceNames, plain, variantLabels } from "./labels.js";
import { headlineDevice } from "./answer.js";
import { translate, translateRich } from "./translate.js";

/** @typedef {import("../../harness/report/page_data.ts").PageData} PageData */
/** @typedef {import("../../harness/report/report_json.ts").ReportVariant} ReportVariant */
/** @typedef {import("./translate.js").Language} Language */

/**
 * @typedef {object} Choices
 * @property {Language} language
 * @property {string | null} device serial, null for all
 */

/**
 * @typedef {object} Context
 * @property {PageData} page
 * @property {PageData["report"]} report
 * @property {Choices} choices
 * @property {(key: string, values?: Record<string, string | number>) => string} t
 * @property {(key: string, values?: Record<string, string | number | Node>) => Node[]} rich
 * @property {(id: string) => string} label of a variant
 * @property {string[]} common properties of all variants
 * @property {(serial: string) => string} deviceName
 * @property {string[]} serials in the order of the report
 * @property {string} device serial that the charts show
 * @property {ReportVariant[]} here variants on that device, fastest first, those without a claim
 * last
 * @property {(id: string) => number} colourIndex of a variant, the same on all devices
 * @property {boolean} severalDevices
 */

/**
 * Returns the context for the choices.
 *
 * @param {PageData} page
 * @param {Choices} choices
 * @returns {Context}
 */
export function contextOf(page, choices) {
  const { report } = page;
  const labels = variantLabels(report.variants);
  const names = deviceNames(report);
  const serials = [...names.keys()];
  const device = choices.device ?? headlineDevice(report) ?? "";
  const ids = [...new Set(report.variants.map(({ id }) => id))];
  return {
    page,
    report,
    choices,
    t: (key, values) => translate(choices.language, key, values),
    rich: (key, values) => translateRich(choices.language, key, values),
    label: (id) => labels.byId.get(id) ?? plain(id, 80),
    common: labels.common,
    deviceName: (serial) => names.get(serial) ?? plain(serial, 60),
    serials,
    device,
    here: report.variants.filter((variant) => variant.device === device).sort(bySpeed),
    colourIndex: (id) => Math.max(0, ids.indexOf(id)),
    severalDevices: serials.length > 1,
  };
}

/**
 * Returns a negative number when `a` comes before `b`: by rank, then by median among those without
 * one.
 *
 * @param {ReportVariant} a
 * @param {ReportVariant} b
 */
export function bySpeed(a, b) {
  const rank = (a.rank ?? Infinity) - (b.rank ?? Infinity);
  if (!Number.isNaN(rank) && rank !== 0) return rank;
  return (a.timeNs ?? Infinity) - (b.timeNs ?? Infinity) || 0;
}

/**
 * Returns true when the variant's times may be read as its speed.
 *
 * @param {ReportVariant} variant
 */
export function hasClaim(variant) {
  return variant.fps !== null;
}
