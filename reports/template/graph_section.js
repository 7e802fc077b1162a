// @ts-check
/// <reference lib="dom" />
/**
 * What the converters did to the graph: its stages with their costs, the steps between them, and
 * every layer.
 *
 * @module
 */
import { cutList, dataTable, el, foldedTable, foreign } from "./dom.js";
import { drawing } from "./drawing.js";
import { section } from "./sections.js";
import { count, megabytes, MISSING, significant } from "./numbers.js";
import { plain } from "./labels.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("../../harness/report/report_json.ts").Report["graphs"][number]} Graph */
/** @typedef {Graph["stages"][number]} Stage */

/** Types of layers that a stage's row names. */
const TYPES_NAMED = 8;
/** Rows in the table of a graph's layers, all stages together. */
const GRAPH_LAYERS_LISTED = 2000;

/**
 * Returns the section on graphs before and after fusion; null without any.
 *
 * @param {Context} context
 */
export function graphSection(context) {
  const { t, report, label } = context;
  const { graphs } = report;
  if (graphs.length === 0) return null;
  return section("graphs", t("graphs.title"), () => [
    el("p", {}, t("graphs.intro")),
    passList(context, graphs),
    stageTable(context, graphs),
    stepTable(context, graphs),
    graphs.flatMap(({ variantId, stages, svg }) => [
      stages.some(({ layerCosts }) => layerCosts.length > 0) &&
      foldedTable(
        t("graphs.layers", { variant: plain(label(variantId), 80) }),
        () => layerTable(context, stages),
      ),
      svg === null
        ? null
        : drawing(t("graphs.drawing", { variant: plain(label(variantId), 80) }), svg),
    ]),
  ]);
}

/**
 * Returns a sentence for each graph that Posemark's passes changed; nothing without any.
 *
 * @param {Context} context
 * @param {Graph[]} graphs
 */
function passList({ t, report, label }, graphs) {
  const lines = graphs.flatMap(({ variantId }) => {
    const passes = report.variants.find(({ id }) => id === variantId)?.variant.passes ?? [];
    const names = passes.map(({ name, count }) => `${plain(name, 40)} ${count}×`).join(", ");
    const variant = plain(label(variantId), 80);
    return names === "" ? [] : [el("p", {}, foreign(t("graphs.passes", { variant, names })))];
  });
  return lines;
}

/**
 * The columns of a stage's costs.
 *
 * @type {[key: string, read: (stage: Stage) => number | null, show: (value: number) => string,
 * leftOut: (stage: Stage) => number][]}
 */
const COSTS = [
  ["graphs.parameters", ({ parameters }) => parameters, count, ({ leftOut }) => leftOut.parameters],
  ["graphs.gflop", ({ flops }) => flops, gflop, ({ leftOut }) => leftOut.flops],
  ["graphs.moved", ({ bytesMoved }) => bytesMoved, megabytes, ({ leftOut }) => leftOut.bytesMoved],
  ["graphs.disk", ({ fileBytes }) => fileBytes, megabytes, () => 0],
];

/** @param {number} flops */
function gflop(flops) {
  return significant(flops / 1e9, 3);
}

/**
 * Returns the table of stages, with those costs that are known of any.
 *
 * @param {Context} context
 * @param {Graph[]} graphs
 */
function stageTable({ t, label }, graphs) {
  const costs = COSTS.filter(([, read]) =>
    graphs.some(({ stages }) => stages.some((stage) => read(stage) !== null))
  );
  return dataTable({
    caption: t("graphs.title"),
    head: [
      t("column.variant"),
      t("graphs.stage"),
      t("column.layers"),
      t("graphs.fused"),
      ...costs.map(([key]) => t(key)),
      t("graphs.types"),
    ],
    numeric: [false, false, true, true, ...costs.map(() => true), false],
    rows: graphs.flatMap(({ variantId, stages }) =>
      stages.map((stage) => [
        foreign(label(variantId)),
        foreign(plain(stage.name, 40)),
        count(stage.layers),
        count(stage.fusedActivations),
        ...costs.map(([, read, show, leftOut]) => {
          const value = read(stage);
          return value === null ? MISSING : `${leftOut(stage) > 0 ? "≥ " : ""}${show(value)}`;
        }),
        el("span", { class: "long" }, typeCounts(stage.byType, TYPES_NAMED)),
      ])
    ),
  });
}

/**
 * Returns the types with their counts, the most frequent first.
 *
 * @param {Record<string, number>} byType
 * @param {number} [most]
 */
function typeCounts(byType, most) {
  return Object.entries(byType).sort((a, b) => b[1] - a[1]).slice(0, most)
    .map(([type, n]) => `${plain(type, 30)} ${n}`).join(", ");
}

/**
 * Returns the table of what each step removed, added and fused with its heading; nothing in reports
 * from before it was told.
 *
 * @param {Context} context
 * @param {Graph[]} graphs
 */
function stepTable({ t, label }, graphs) {
  const rows = graphs.flatMap(({ variantId, steps }) =>
    steps.map(({ from, to, removed, added, fused }) => [
      foreign(label(variantId)),
      foreign(`${plain(from, 40)} → ${plain(to, 40)}`),
      ...[removed, added, fusedKinds(fused)].map((byType) =>
        el("span", { class: "long" }, typeCounts(byType) || MISSING)
      ),
    ])
  );
  if (rows.length === 0) return [];
  const table = dataTable({
    caption: t("graphs.steps"),
    head: [
      t("column.variant"),
      t("graphs.step"),
      t("graphs.removed"),
      t("graphs.added"),
      t("graphs.fusedBy"),
    ],
    rows,
  });
  return [el("h3", {}, t("graphs.steps")), table];
}

/** @param {Graph["steps"][number]["fused"]} fused */
function fusedKinds(fused) {
  const kinds = Map.groupBy(fused, ({ kind }) => kind);
  return Object.fromEntries([...kinds].map(([kind, all]) => [kind, all.length]));
}

/**
 * Returns every layer of every stage with its costs and what became of it.
 *
 * @param {Context} context
 * @param {Stage[]} stages
 */
function layerTable({ t }, stages) {
  const layers = stages.flatMap(({ name, layerCosts }) =>
    layerCosts.map((layer) => ({ stage: name, layer }))
  );
  const { shown, left } = cutList(t, layers, GRAPH_LAYERS_LISTED);
  const known = (
    /** @type {number | null} */ value,
    /** @type {(value: number) => string} */ show,
  ) => value === null ? MISSING : show(value);
  return {
    caption: t("graphs.layerTable"),
    head: [
      t("layers.layer"),
      t("graphs.stage"),
      t("layers.type"),
      t("graphs.fate"),
      t("graphs.parameters"),
      t("graphs.gflop"),
      t("graphs.moved"),
    ],
    numeric: [false, false, false, false, true, true, true],
    below: left,
    rows: shown.map(({ stage, layer }) => [
      foreign(plain(layer.name, 80)),
      foreign(plain(stage, 40)),
      foreign(
        plain(layer.type, 40) +
          (layer.fusedActivation === null ? "" : ` + ${plain(layer.fusedActivation, 20)}`),
      ),
      layer.fate === "same" ? MISSING : t(`graphs.fate.${layer.fate}`),
      known(layer.parameters, count),
      known(layer.flops, gflop),
      known(layer.bytesMoved, megabytes),
    ]),
  };
}
