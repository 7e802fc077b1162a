/**
 * The study's figures as tables and as a drawing.
 *
 * @module
 */
import { markdownTable } from "../text/table.ts";
import { FEWEST_ROUNDS } from "../stats/experiment.ts";
import type { CurvePoint } from "./operating_curve.ts";
import type { Curve, Study } from "./study.ts";

/** Rounds of a block: no gate decides before `FEWEST_ROUNDS` of them. */
const ROUNDS_PER_BLOCK = 2;

/** Names of the tables that stand in the README. */
export const STUDY_TABLES = {
  curves: curveTable,
  bounds: boundTable,
  futility: futilityTable,
  methods: methodTable,
} satisfies Record<string, (study: Study) => string>;

const percent = (share: number, digits = 0) => `${(100 * share).toFixed(digits)} %`;

/** A row a device and true slow-down. */
function curveTable({ curves }: Study): string {
  return markdownTable(
    ["device", "threshold", "true slow-down", "pass", "fail", "inconclusive", "device seconds"],
    curves.flatMap(({ model, threshold, points }) =>
      points.map((point) => [
        model,
        percent(threshold - 1),
        percent(point.slowDown, 2),
        percent(point.pass),
        percent(point.fail),
        percent(point.inconclusive),
        point.seconds.toFixed(0),
      ])
    ),
  );
}

/** A row a device and threshold: blocks of the gate beside the bound. */
function boundTable({ bounds }: Study): string {
  const least = FEWEST_ROUNDS / ROUNDS_PER_BLOCK;
  return markdownTable(
    ["device", "threshold", "σ of a block", "bound", "same", "slower", "ratio", "false", "missed"],
    bounds.map((row) => {
      const mean = (row.blocksSame + row.blocksSlower) / 2;
      return [
        row.model,
        percent(row.threshold - 1),
        percent(row.blockSd, 2),
        row.bound.toFixed(1),
        row.blocksSame.toFixed(1),
        row.blocksSlower.toFixed(1),
        row.bound < least ? `(${least} at least)` : (mean / row.bound).toFixed(2),
        percent(row.falseAlarms, 1),
        percent(row.misses, 1),
      ];
    }),
  );
}

function futilityTable({ futility }: Study): string {
  const cost = ({ seconds, inconclusive }: CurvePoint) =>
    `${seconds.toFixed(0)} s, ${percent(inconclusive)}`;
  return markdownTable(
    ["device", "threshold", "until the budget ends", "until it is foreseen"],
    futility.map(({ model, threshold, untilBudget, whenFutile }) => [
      model,
      percent(threshold - 1, 2),
      cost(untilBudget),
      cost(whenFutile),
    ]),
  );
}

function methodTable({ methods }: Study): string {
  return markdownTable(
    [
      ...["device", "slow-down", "method", "false alarms", "misses", "device seconds"],
      "device seconds at 5 % / 10 %",
    ],
    methods.map((row) => [
      row.model,
      percent(row.ratio - 1, 1),
      row.method,
      percent(row.falseAlarms, 1),
      percent(row.misses, 1),
      row.seconds.toFixed(0),
      row.secondsAtEqualErrors === null ? "never" : row.secondsAtEqualErrors.toFixed(0),
    ]),
  );
}

/** Returns the text with what stands between a table's marks replaced by the table. */
export function withStudyTables(text: string, study: Study): string {
  return Object.entries(STUDY_TABLES).reduce((text, [name, table]) => {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new RangeError(`Cannot find the marks of the table ${name}`);
    return `${text.slice(0, from + begin.length)}\n\n${table(study)}\n\n${text.slice(to)}`;
  }, text);
}

/** Place of a panel and its plot, pixels. */
const PANEL = { width: 244, height: 190, left: 44, right: 20, top: 26, bottom: 34 } as const;
const LINES = [
  { name: "fail", color: "#b3261e", dash: "" },
  { name: "pass", color: "#1b6e3c", dash: "6 3" },
  { name: "inconclusive", color: "#5f6368", dash: "2 3" },
] as const;

/** Returns the curves as an SVG: a panel a device, shares of verdicts over the slow-down. */
export function curvesSvg(curves: readonly Curve[]): string {
  const width = PANEL.width * curves.length;
  const height = PANEL.height + 24;
  const legend = LINES.map(({ name, color, dash }, i) =>
    `<line x1="${40 + 130 * i}" x2="${70 + 130 * i}" y1="${height - 10}" y2="${
      height - 10
    }" stroke="${color}" stroke-width="2" stroke-dasharray="${dash}"/><text x="${
      76 + 130 * i
    }" y="${height - 6}">${name}</text>`
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11" fill="#202124" role="img" aria-label="Shares of pass, fail and inconclusive over the true slow-down">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...curves.map((curve, i) =>
      `<g transform="translate(${PANEL.width * i} 0)">${panel(curve)}</g>`
    ),
    ...legend,
    "</svg>",
    "",
  ].join("\n");
}

function panel({ model, threshold, points }: Curve): string {
  const { width, height, left, right, top, bottom } = PANEL;
  const x = ({ slowDown }: CurvePoint) =>
    left + (width - left - right) * slowDown / (2 * (threshold - 1));
  const y = (share: number) => height - bottom - (height - top - bottom) * share;
  const lines = LINES.map(({ name, color, dash }) => {
    const path = points.map((point) => `${x(point).toFixed(1)},${y(point[name]).toFixed(1)}`);
    return `<polyline points="${
      path.join(" ")
    }" fill="none" stroke="${color}" stroke-width="2" stroke-dasharray="${dash}"/>`;
  });
  const marks = [0, 1, 2].map((times) => {
    const at = left + (width - left - right) * times / 2;
    const label = times === 0 ? "0" : percent(times * (threshold - 1));
    return `<line x1="${at}" x2="${at}" y1="${y(0)}" y2="${
      y(1)
    }" stroke="#dadce0"/><text x="${at}" y="${y(0) + 14}" text-anchor="middle">${label}</text>`;
  });
  const shares = [0, 0.5, 1].map((share) =>
    `<text x="${left - 4}" y="${y(share) + 4}" text-anchor="end">${percent(share)}</text>`
  );
  return [
    `<text x="${left}" y="16" font-weight="bold">${model}, threshold ${
      percent(threshold - 1)
    }</text>`,
    ...marks,
    ...shares,
    ...lines,
  ].join("");
}
