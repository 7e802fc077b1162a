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
 * @property {(a: ReportVariant, b: ReportVariant) => number} bySpeed order of the ranking
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
  const bySpeed = orderOf(report);
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
    bySpeed,
    colourIndex: (id) => Math.max(0, ids.indexOf(id)),
    severalDevices: serials.length > 1,
  };
}

/**
 * Returns the order of rows: by place, those without one last. Within joint places it is that of
 * the ranking: by time, or as asked where no order is known.
 *
 * @param {Pick<PageData["report"], "rankings">} report
 * @returns {(a: ReportVariant, b: ReportVariant) => number}
 */
export function orderOf({ rankings }) {
  /** @type {Map<string, number>} */
  const places = new Map();
  for (const { device, variants } of rankings) {
    for (const [i, { variantId }] of variants.entries()) places.set(`${device} ${variantId}`, i);
  }
  const difference = (/** @type {number} */ a, /** @type {number} */ b) => a === b ? 0 : a - b;
  return (a, b) =>
    difference(a.rank?.best ?? Infinity, b.rank?.best ?? Infinity) ||
    difference(a.rank?.worst ?? Infinity, b.rank?.worst ?? Infinity) ||
    difference(
      places.get(`${a.device} ${a.id}`) ?? Infinity,
      places.get(`${b.device} ${b.id}`) ?? Infinity,
    ) ||
    difference(a.timeNs ?? Infinity, b.timeNs ?? Infinity);
}

/**
 * Returns true when the variant's times may be read as its speed.
 *
 * @param {ReportVariant} variant
 */
export function hasClaim(variant) {
  return variant.fps !== null;
}
