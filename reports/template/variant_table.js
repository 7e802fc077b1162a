// @ts-check
/// <reference lib="dom" />
/**
 * The table of variants: sortable, filterable, one row per variant and device.
 *
 * @module
 */
import { el, foreign, svg } from "./dom.js";
import {
  fps,
  megabytes,
  MISSING,
  msBounds,
  msNumber,
  pxNumber,
  ratioParts,
  score,
} from "./numbers.js";
import { activationName, plain, precisionName, shapeText } from "./labels.js";
import { bySpeed, hasClaim } from "./context.js";
import { variantMarks, verdictMark } from "./verdicts.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("../../harness/report/report_json.ts").ReportVariant} ReportVariant */
/** @typedef {import("./dom.js").Child} Child */

/**
 * @typedef {object} Column
 * @property {string} key
 * @property {boolean} numeric
 * @property {boolean} descending true when the first click sorts from high to low
 * @property {(variant: ReportVariant) => number | string | null} value for sorting; null comes last
 * @property {(variant: ReportVariant) => Child | Child[]} cell
 */

/**
 * What the reader chose in the table; lives on when the page is drawn again in another language.
 *
 * @typedef {object} TableChoices
 * @property {string} sort key of a column
 * @property {1 | -1} direction
 * @property {Record<string, string>} filters value by property, "" for all
 * @property {string} search
 * @property {boolean} passedOnly
 * @property {boolean} whole all rows are shown, however many
 */

/** Rows that are shown until more are asked for. */
const ROWS_AT_ONCE = 20;

/**
 * Returns the choices that a fresh table starts with: fastest first.
 *
 * @returns {TableChoices}
 */
export function initialTableChoices() {
  return { sort: "rank", direction: 1, filters: {}, search: "", passedOnly: false, whole: false };
}

/** @type {[string, (variant: ReportVariant) => string][]} */
const FILTERS = [
  ["model", ({ model }) => model],
  ["activation", activationName],
  ["head", ({ head }) => head],
  ["precision", precisionName],
  ["shape", shapeText],
  ["converter", ({ converter }) => converter],
];

/**
 * Returns the table with its filters. `choices` is changed in place by the reader's actions.
 *
 * @param {Context} context
 * @param {TableChoices} choices
 */
export function variantTable(context, choices) {
  const { t, report } = context;
  const columns = columnsOf(context);
  const body = el("tbody", { role: "rowgroup" });
  const status = el("p", { class: "count", role: "status", "aria-live": "polite" });
  /** @type {Map<string, HTMLElement>} */
  const headers = new Map();

  const more = el("button", {
    type: "button",
    id: "show-all",
    onclick: () => {
      choices.whole = true;
      fill();
    },
  });
  /** @type {Map<ReportVariant, HTMLElement>} */
  const made = new Map();
  const rowOf = (/** @type {ReportVariant} */ variant) => {
    const known = made.get(variant) ?? row(context, columns, variant);
    made.set(variant, known);
    return known;
  };
  const fill = () => {
    const rows = sortRows(filterRows(context, choices), columns, choices);
    const shown = choices.whole ? rows : rows.slice(0, ROWS_AT_ONCE);
    body.replaceChildren(...shown.map(rowOf));
    more.hidden = shown.length === rows.length;
    more.textContent = t("table.showAll", { n: rows.length });
    if (rows.length === 0) {
      body.append(el(
        "tr",
        { role: "row" },
        el("td", { colspan: columns.length, role: "cell", class: "empty" }, t("table.empty")),
      ));
    }
    const all = scope(context).length;
    status.textContent = t("table.count", { shown: shown.length, all });
    for (const [key, header] of headers) {
      const sorted = key === choices.sort;
      header.setAttribute(
        "aria-sort",
        sorted ? (choices.direction === 1 ? "ascending" : "descending") : "none",
      );
    }
    select.value = choices.sort;
  };
  const sortBy = (/** @type {string} */ key, /** @type {boolean} */ mayReverse) => {
    if (choices.sort === key && mayReverse) {
      choices.direction = choices.direction === 1 ? -1 : 1;
    } else if (choices.sort !== key) {
      choices.sort = key;
      choices.direction = columns.find((column) => column.key === key)?.descending ? -1 : 1;
    }
    fill();
  };

  const select = el(
    "select",
    {
      onchange: (/** @type {Event} */ event) =>
        sortBy(/** @type {HTMLSelectElement} */ (event.target).value, false),
    },
    columns.map(({ key }) => el("option", { value: key }, t(`column.${key}`))),
  );
  const head = columns.map(({ key, numeric }) => {
    const header = el(
      "th",
      {
        scope: "col",
        role: "columnheader",
        class: numeric ? "num" : null,
        title: t(`column.${key}.why`),
      },
      el(
        "button",
        { type: "button", "data-sort": key, onclick: () => sortBy(key, true) },
        t(`column.${key}`),
      ),
    );
    headers.set(key, header);
    return header;
  });
  const table = el(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": t("table.title") },
    el(
      "table",
      { class: "variants", role: "table" },
      el("caption", { class: "hidden" }, t("table.title")),
      el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, head)),
      body,
    ),
  );
  const bar = el(
    "div",
    { class: "filters" },
    filterControls(context, choices, fill),
    el("label", { class: "sortby" }, t("table.sortBy"), select),
  );
  fill();
  return [report.variants.length > 1 && bar, table, el("div", { class: "below" }, status, more)];
}

/** Rows that the choice of device leaves. @param {Context} context */
function scope({ report, choices }) {
  return choices.device === null
    ? report.variants
    : report.variants.filter(({ device }) => device === choices.device);
}

/**
 * @param {Context} context
 * @param {TableChoices} choices
 */
function filterRows(context, choices) {
  const words = choices.search.toLowerCase().split(/\s+/).filter((word) => word !== "");
  return scope(context).filter((variant) => {
    if (choices.passedOnly && !hasClaim(variant)) return false;
    for (const [name, read] of FILTERS) {
      const wanted = choices.filters[name] ?? "";
      if (wanted !== "" && read(variant) !== wanted) return false;
    }
    const text = `${variant.id} ${context.label(variant.id)} ${context.deviceName(variant.device)}`
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/**
 * @param {ReportVariant[]} rows
 * @param {Column[]} columns
 * @param {TableChoices} choices
 */
function sortRows(rows, columns, { sort, direction }) {
  const column = columns.find(({ key }) => key === sort) ?? columns[0];
  return [...rows].sort((a, b) => {
    const [x, y] = [column.value(a), column.value(b)];
    if (x === null || y === null) return x === y ? bySpeed(a, b) : x === null ? 1 : -1;
    const order = typeof x === "string" || typeof y === "string"
      ? String(x).localeCompare(String(y), "en", { numeric: true })
      : x - y;
    return order * direction || bySpeed(a, b);
  });
}

/**
 * @param {Context} context
 * @param {TableChoices} choices
 * @param {() => void} changed
 */
function filterControls({ t, report }, choices, changed) {
  /** @type {HTMLElement[]} */
  const controls = [];
  for (const [name, read] of FILTERS) {
    const values = [...new Set(report.variants.map(read))];
    if (values.length < 2) continue;
    const select = el(
      "select",
      {
        "data-filter": name,
        onchange: () => {
          choices.filters[name] = select.value;
          changed();
        },
      },
      el("option", { value: "" }, t("filter.all")),
      values.map((value) => el("option", { value }, plain(value, 40))),
    );
    select.value = choices.filters[name] ?? "";
    controls.push(el("label", {}, t(`filter.${name}`), select));
  }
  if (report.variants.length > 6) {
    const input = el("input", {
      type: "search",
      value: choices.search,
      oninput: () => {
        choices.search = input.value;
        changed();
      },
    });
    controls.push(el("label", {}, t("filter.search"), input));
  }
  if (report.variants.some((variant) => !hasClaim(variant))) {
    const box = el("input", {
      type: "checkbox",
      checked: choices.passedOnly,
      onchange: () => {
        choices.passedOnly = box.checked;
        changed();
      },
    });
    controls.push(el("label", { class: "check" }, box, t("filter.passed")));
  }
  return controls;
}

/**
 * @param {Context} context
 * @param {Column[]} columns
 * @param {ReportVariant} variant
 */
function row({ t }, columns, variant) {
  return el(
    "tr",
    {
      role: "row",
      class: hasClaim(variant) ? (variant.speedOnly ? "speedonly" : null) : "noclaim",
      "data-variant": variant.id,
      "data-device": variant.device,
    },
    columns.map((column) => {
      const attributes = {
        "data-label": t(`column.${column.key}`),
        "data-key": column.key,
        class: column.numeric ? "num" : null,
      };
      return column.key === "variant"
        ? el("th", { ...attributes, scope: "row", role: "rowheader" }, column.cell(variant))
        : el("td", { ...attributes, role: "cell" }, column.cell(variant));
    }),
  );
}

/**
 * @param {Context} context
 * @returns {Column[]}
 */
function columnsOf(context) {
  const { report, t, label, deviceName, severalDevices } = context;
  const shown = scope(context);
  const scale = ratioScale(shown);
  /** @type {(key: string, value: Column["value"], cell: Column["cell"], descending?: boolean) => Column} */
  const numeric = (key, value, cell, descending = false) => ({
    key,
    numeric: true,
    descending,
    value,
    cell,
  });
  const columns = [
    numeric("rank", ({ rank }) => rank, ({ rank }) => rank ?? MISSING),
    {
      key: "variant",
      numeric: false,
      descending: false,
      value: (/** @type {ReportVariant} */ { id }) => label(id),
      cell: (/** @type {ReportVariant} */ variant) => [
        el("span", { class: "name", title: variant.id }, foreign(label(variant.id))),
        ...variantMarks(context, variant),
      ],
    },
    ...(severalDevices && context.choices.device === null
      ? [{
        key: "device",
        numeric: false,
        descending: false,
        value: (/** @type {ReportVariant} */ { device }) => deviceName(device),
        cell: (/** @type {ReportVariant} */ { device }) => foreign(deviceName(device)),
      }]
      : []),
    numeric("fps", (variant) => variant.fps, (variant) => fps(variant.fps), true),
    numeric(
      "median",
      ({ latencyNs }) => latencyNs?.total.p50 ?? null,
      ({ latencyNs, medianTotalNs }) => {
        const bounds = medianTotalNs === null ? null : msBounds(medianTotalNs);
        return [
          msNumber(latencyNs?.total.p50 ?? null),
          bounds && el("small", {}, t("interval", { ...bounds })),
        ];
      },
    ),
    numeric(
      "p90",
      ({ latencyNs }) => latencyNs?.total.p90 ?? null,
      ({ latencyNs }) => msNumber(latencyNs?.total.p90 ?? null),
    ),
    numeric(
      "p99",
      ({ latencyNs }) => latencyNs?.total.p99 ?? null,
      ({ latencyNs }) => msNumber(latencyNs?.total.p99 ?? null),
    ),
    numeric(
      "ratio",
      ({ ratio }) => ratio?.value ?? null,
      (variant) => ratioCell(context, variant, scale),
      true,
    ),
    {
      key: "parity",
      numeric: false,
      descending: false,
      value: (/** @type {ReportVariant} */ { parity }) =>
        ["pass", "inconclusive", "fail"].indexOf(parity.verdict),
      cell: (/** @type {ReportVariant} */ { parity }) => verdictMark(context, parity.verdict),
    },
    numeric(
      "maxPx",
      ({ parity }) => parity.maxPx,
      ({ parity }) => [
        pxNumber(parity.maxPx),
        parity.tolerancePx !== null &&
        el("small", {}, t("table.tolerance", { px: pxNumber(parity.tolerancePx) })),
      ],
    ),
  ];
  if (report.variants.some(({ accuracy }) => accuracy !== null)) {
    columns.push(numeric(
      "ap",
      ({ accuracy }) => accuracy?.ap ?? null,
      (variant) => accuracyCell(context, variant),
      true,
    ));
  }
  columns.push(
    numeric("weights", ({ weights }) => weights.bytes, ({ weights }) => megabytes(weights.bytes)),
  );
  if (report.variants.some(({ peakRssBytes }) => peakRssBytes !== null)) {
    columns.push(
      numeric(
        "memory",
        ({ peakRssBytes }) => peakRssBytes,
        ({ peakRssBytes }) => megabytes(peakRssBytes),
      ),
    );
  }
  columns.push(numeric("layers", ({ layers }) => layers, ({ layers, fusedActivations }) => [
    layers,
    fusedActivations > 0 && el("small", {}, t("table.fused", { n: fusedActivations })),
  ]));
  return columns;
}

/**
 * @param {Context} context
 * @param {ReportVariant} variant
 */
function accuracyCell({ t }, variant) {
  if (variant.speedOnly) {
    return el("span", { title: t("mark.speedOnly.why") }, t("table.noAccuracy"));
  }
  const { accuracy } = variant;
  if (accuracy === null) return MISSING;
  return [
    score(accuracy.ap),
    el(
      "small",
      { title: t("table.referenceAp.why") },
      t("table.referenceAp", { value: score(accuracy.referenceAp) }),
    ),
  ];
}

/** Range of the drawing in the column of ratios. @param {ReportVariant[]} variants */
function ratioScale(variants) {
  const values = variants.flatMap(({ ratio }) =>
    ratio === null ? [] : [ratio.value, ratio.low ?? ratio.value, ratio.high ?? ratio.value]
  );
  return { low: Math.min(1, ...values), high: Math.max(1, ...values) };
}

/**
 * @param {Context} context
 * @param {ReportVariant} variant
 * @param {{low: number, high: number}} scale
 */
function ratioCell({ t, report }, variant, scale) {
  const { ratio } = variant;
  if (ratio === null) return MISSING;
  if (variant.id === report.base) return el("span", { class: "one" }, "1");
  const { value, bounds } = ratioParts(ratio);
  const width = 48;
  const x = (/** @type {number} */ r) =>
    3 + (r - scale.low) / (scale.high - scale.low || 1) * (width - 6);
  const low = ratio.low ?? ratio.value;
  const high = ratio.high ?? ratio.value;
  const decided = bounds === null ? "unsure" : low > 1 ? "up" : high < 1 ? "down" : "unsure";
  const whisker = svg(
    "svg",
    {
      class: `whisker ${decided}`,
      width,
      height: 10,
      viewBox: `0 0 ${width} 10`,
      "aria-hidden": "true",
    },
    svg("line", { class: "unit", x1: x(1), x2: x(1), y1: 0, y2: 10 }),
    svg("line", { class: "span", x1: x(low), x2: Math.max(x(high), x(low) + 1), y1: 5, y2: 5 }),
    svg("circle", { cx: x(ratio.value), cy: 5, r: 3 }),
  );
  return [
    el(
      "span",
      { class: "ratioline" },
      whisker,
      el("span", { class: `ratio ${decided}` }, `${value}×`),
    ),
    bounds && el("small", {}, t("interval", bounds)),
  ];
}
