// @ts-check
/// <reference lib="dom" />
/**
 * The table of variants: sortable, filterable, one row per variant and device.
 *
 * @module
 */
import { el } from "./dom.js";
import { plain, propertiesOf } from "./labels.js";
import { score } from "./numbers.js";
import { hasClaim } from "./context.js";
import { columnsOf, scope } from "./variant_columns.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("../../harness/report/report_json.ts").ReportVariant} ReportVariant */
/** @typedef {import("./variant_columns.js").Column} Column */

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

/**
 * Returns the table with its filters. `choices` is changed in place by the reader's actions.
 *
 * @param {Context} context
 * @param {TableChoices} choices
 */
export function variantTable(context, choices) {
  const { t, report } = context;
  const columns = columnsOf(context);
  if (!columns.some(({ key }) => key === choices.sort)) {
    // the column went with the choice of one device
    Object.assign(choices, { sort: "rank", direction: 1 });
  }
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
    const rows = sortRows(context, filterRows(context, choices), columns, choices);
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
        title: t(`column.${key}.why`, { budget: score(report.apBudget) }),
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

/**
 * @param {Context} context
 * @param {TableChoices} choices
 */
function filterRows(context, choices) {
  const words = choices.search.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const properties = propertiesOf(context.report.variants);
  return scope(context).filter((variant) => {
    if (choices.passedOnly && !hasClaim(variant)) return false;
    for (const [name, read] of properties) {
      const wanted = choices.filters[name] ?? "";
      if (wanted !== "" && read(variant) !== wanted) return false;
    }
    const text = `${variant.id} ${context.label(variant.id)} ${context.deviceName(variant.device)}`
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/**
 * @param {Context} context
 * @param {ReportVariant[]} rows
 * @param {Column[]} columns
 * @param {TableChoices} choices
 */
function sortRows({ bySpeed }, rows, columns, { sort, direction }) {
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
  for (const [name, read] of propertiesOf(report.variants)) {
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
      class: hasClaim(variant) ? (variant.variant.speedOnly ? "speedonly" : null) : "noclaim",
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
