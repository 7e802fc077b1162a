// @ts-check
/// <reference lib="dom" />
/**
 * Parity in numbers: the verdict with its tolerance and reason, stage by stage, and the error of
 * each joint. And accuracy.
 *
 * @module
 */
import { cutList, dataTable, el, english, foreign } from "./dom.js";
import { drawing } from "./drawing.js";
import { section } from "./sections.js";
import { MISSING, oks, pxNumber, score, signed, significant } from "./numbers.js";
import { jointName, plain } from "./labels.js";
import { variantMarks, verdictMark } from "./verdicts.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("../../harness/report/report_json.ts").ReportVariant} ReportVariant */

/** Rows in the table of layers: those nearest to their tolerance, or furthest beyond it. */
const WORST_LAYERS = 8;

/**
 * Returns the section on parity.
 *
 * @param {Context} context
 */
export function paritySection(context) {
  const { t, here, deviceName, device } = context;
  if (here.length === 0) return null;
  return section(
    "parity",
    t("parity.title"),
    () => [
      el("p", {}, t("parity.intro", { device: deviceName(device) })),
      dataTable({
        caption: t("parity.title"),
        head: [
          t("column.variant"),
          t("column.parity"),
          t("parity.matched"),
          t("parity.unmatched"),
          t("parity.explained"),
          t("parity.p99"),
          t("parity.max"),
          t("parity.tolerance"),
          t("column.minOks"),
          t("parity.firstFailed"),
        ],
        numeric: [false, false, true, true, true, true, true, true, true, false],
        rows: here.map((variant) => {
          const { parity } = variant;
          return [
            [foreign(context.label(variant.id)), ...variantMarks(context, variant)],
            verdictMark(context, parity.verdict),
            parity.matched,
            parity.unmatched,
            parity.explainedUnmatched,
            pxNumber(parity.p99Px),
            pxNumber(parity.maxPx),
            pxNumber(parity.tolerancePx),
            oks(parity.minOks),
            parity.firstFailedStage === null
              ? MISSING
              : t(`parityStage.${parity.firstFailedStage}`),
          ];
        }),
      }),
      el("h3", {}, t("parity.why")),
      here.map((variant) => variantDetails(context, variant)),
    ],
  );
}

/**
 * @param {Context} context
 * @param {ReportVariant} variant
 */
function variantDetails(context, variant) {
  const { t } = context;
  const { parity } = variant;
  const details = el(
    "details",
    { class: "verdictdetails", open: parity.verdict === "fail" },
    el(
      "summary",
      {},
      foreign(context.label(variant.id)),
      " ",
      verdictMark(context, parity.verdict),
    ),
    el("p", { class: "reason" }, english(plain(parity.reason, 600))),
  );
  if (parity.stages.length > 0) {
    details.append(dataTable({
      caption: t("parity.stages"),
      head: [
        t("parity.stage"),
        t("column.parity"),
        t("parity.difference"),
        t("parity.tolerance"),
        t("parity.unit"),
        t("parity.reason"),
      ],
      numeric: [false, false, true, true, false, false],
      rows: parity.stages.map((stage) => [
        t(`parityStage.${stage.stage}`),
        verdictMark(context, stage.verdict),
        stage.maxAbsDiff === null ? MISSING : small(stage.maxAbsDiff),
        stage.tolerance === null ? MISSING : small(stage.tolerance),
        foreign(plain(stage.unit, 30)),
        english(plain(stage.reason, 600), "long"),
      ]),
    }));
  }
  if (parity.joints.length > 0) {
    details.append(el("h4", {}, t("parity.joints")), jointTable(context, parity.joints));
  }
  details.append(...peopleDetails(context, variant), ...layerDetails(context, variant));
  return details;
}

/**
 * @param {Context} context
 * @param {ReportVariant["parity"]["joints"]} joints
 */
function jointTable({ t }, joints) {
  const most = Math.max(...joints.map(({ maxPx }) => maxPx)) || 1;
  return dataTable({
    caption: t("parity.joints"),
    head: [t("parity.joint"), t("parity.p99"), t("parity.max"), t("parity.bar")],
    numeric: [false, true, true, false],
    className: "data joints",
    rows: joints.map(({ name, p99Px, maxPx }) => {
      const bar = el("meter", { min: 0, max: most, value: maxPx, "aria-label": t("parity.max") });
      return [foreign(jointName(t, name)), pxNumber(p99Px), pxNumber(maxPx), bar];
    }),
  });
}

/**
 * Returns the errors by size of person, and what changed near the threshold.
 *
 * @param {Context} context
 * @param {ReportVariant} variant
 */
function peopleDetails({ t }, { parity }) {
  const { details } = parity;
  if (details === null || details.sizes.length === 0) return [];
  return [
    el("h4", {}, t("parity.sizes")),
    dataTable({
      caption: t("parity.sizes"),
      head: [
        t("parity.size"),
        t("parity.people"),
        t("parity.mean"),
        t("parity.max"),
        t("column.minOks"),
      ],
      numeric: [false, true, true, true, true],
      rows: details.sizes.map(({ size, people, meanPx, maxPx, minOks }) => [
        t(`parity.size.${size}`),
        people,
        pxNumber(meanPx),
        pxNumber(maxPx),
        oks(minOks),
      ]),
    }),
    el(
      "p",
      {},
      t("parity.changes", {
        flips: details.visibilityFlips,
        joints: details.joints,
        mean: details.scoreShift === null ? MISSING : small(details.scoreShift.mean),
        most: details.scoreShift === null ? MISSING : small(details.scoreShift.maxAbs),
        vanished: details.vanished,
        appeared: details.appeared,
      }),
    ),
  ];
}

/**
 * Returns the comparison layer by layer; nothing where it was not asked for.
 *
 * @param {Context} context
 * @param {ReportVariant} variant
 */
function layerDetails({ t, report, device }, { id }) {
  const layers = report.layerParity.find((each) => each.device === device && each.variantId === id);
  if (layers === undefined) return [];
  const { firstBeyond: first, compared, failed, worst, svg } = layers;
  const { shown, left } = cutList(t, worst, WORST_LAYERS);
  return [
    el("h4", {}, t("parity.layers")),
    el(
      "p",
      {},
      t("parity.layersCompared", { n: compared, failed }),
      " ",
      first === null ? t("parity.layersSound") : foreign(
        t("parity.layersFirst", { layer: plain(first.layer, 80), type: plain(first.type, 40) }),
      ),
    ),
    dataTable({
      caption: t("parity.layers"),
      head: [
        t("layers.layer"),
        t("layers.type"),
        t("parity.tensor"),
        t("parity.difference"),
        t("parity.tolerance"),
      ],
      numeric: [false, false, false, true, true],
      below: left,
      rows: shown.map(({ layer, type, tensor, maxAbs, maxAllowed }) => [
        foreign(plain(layer, 60)),
        foreign(plain(type, 40)),
        tensor === null ? MISSING : foreign(plain(tensor, 80)),
        maxAbs === null ? MISSING : small(maxAbs),
        maxAllowed === null ? MISSING : small(maxAllowed),
      ]),
    }),
    svg === null ? null : drawing(t("parity.layersDrawing"), svg),
  ].filter((child) => child !== null);
}

/** @param {number} value */
function small(value) {
  return value !== 0 && Math.abs(value) < 1e-4
    ? value.toExponential(1).replace("-", "\u2212")
    : significant(value, 2);
}

/**
 * Returns the section on accuracy, with the reason where there is none; null in older reports
 * without annotations.
 *
 * @param {Context} context
 */
export function accuracySection(context) {
  const { t, here, report } = context;
  const rows = here.filter(({ accuracy }) => accuracy !== null);
  const absent = here.filter(({ accuracyAbsent }) => accuracyAbsent !== null);
  if (rows.length === 0 && absent.length === 0) return null;
  return section(
    "accuracy",
    t("accuracy.title"),
    () => [
      rows.length > 0 && el("p", {}, t("accuracy.intro", { n: report.images.length })),
      rows.length > 0 && accuracyTable(context, rows),
      ...reasons(absent, ({ accuracyAbsent }) => [accuracyAbsent ?? ""])
        .map(([reason, ids]) =>
          el("p", { class: "hint" }, t("accuracy.absent"), " ", english(`${reason} (${ids})`))
        ),
      ...reasons(rows, ({ accuracy }) => accuracy?.doubts ?? [])
        .map(([doubt, ids]) => el("p", { class: "hint" }, english(`${doubt} (${ids})`))),
      ...rows.map((variant) => errorTable(context, variant)),
      here.some(({ variant }) => variant.speedOnly) &&
      el("p", { class: "hint" }, t("accuracy.speedOnly")),
    ],
  );
}

/**
 * Returns the sentences with the variants that they hold for.
 *
 * @param {ReportVariant[]} variants
 * @param {(variant: ReportVariant) => string[]} of
 * @returns {[string, string][]}
 */
function reasons(variants, of) {
  /** @type {Map<string, string[]>} */
  const byReason = new Map();
  for (const variant of variants) {
    for (const reason of of(variant)) {
      byReason.set(reason, [...byReason.get(reason) ?? [], plain(variant.id)]);
    }
  }
  return [...byReason].map(([reason, ids]) => [plain(reason), ids.join(", ")]);
}

/**
 * @param {Context} context
 * @param {ReportVariant[]} rows with an accuracy
 */
function accuracyTable(context, rows) {
  const { t } = context;
  return dataTable({
    caption: t("accuracy.title"),
    head: [
      t("column.variant"),
      "AP",
      "AP50",
      "AP75",
      t("accuracy.reference"),
      t("accuracy.difference"),
      t("accuracy.sigmas"),
    ],
    numeric: [false, true, true, true, true, true, false],
    rows: rows.map((variant) => {
      const accuracy = /** @type {NonNullable<ReportVariant["accuracy"]>} */ (variant.accuracy);
      const { difference } = accuracy;
      const bounds = difference === null || difference.low === null || difference.high === null
        ? null
        : el(
          "small",
          {},
          t("interval", { low: signed(difference.low, 3), high: signed(difference.high, 3) }),
        );
      return [
        [foreign(context.label(variant.id)), ...variantMarks(context, variant)],
        score(accuracy.ap),
        score(accuracy.ap50),
        score(accuracy.ap75),
        score(accuracy.referenceAp),
        [signed(difference?.value ?? accuracy.ap - accuracy.referenceAp, 3), bounds],
        accuracy.kind === "boxes"
          ? t("accuracy.ofBoxes")
          : accuracy.sigmas === null
          ? ""
          : english(plain(accuracy.sigmas)),
      ];
    }),
  });
}

/**
 * Errors of a variant's joints against the annotations; null without.
 *
 * @param {Context} context
 * @param {ReportVariant} variant
 */
function errorTable({ t, label }, { id, accuracy }) {
  const errors = accuracy?.jointErrors ?? null;
  if (errors === null || errors.pck === null) return null;
  const rows = errors.joints.filter(({ pck }) => pck !== null);
  return el(
    "details",
    {},
    el(
      "summary",
      {},
      foreign(plain(label(id))),
      " ",
      t("accuracy.joints", {
        pck: score(errors.pck),
        px: errors.meanPx === null ? t("accuracy.none") : small(errors.meanPx),
      }),
    ),
    dataTable({
      caption: t("accuracy.jointsCaption"),
      head: [t("parity.joint"), "PCK@0.1", t("accuracy.meanPx"), t("accuracy.found")],
      numeric: [false, true, true, true],
      rows: rows.map(({ name, pck, meanPx, found, labelled }) => [
        foreign(jointName(t, name)),
        score(pck),
        meanPx === null ? t("accuracy.none") : small(meanPx),
        `${found} / ${labelled}`,
      ]),
    }),
  );
}
