import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { VIRTUAL_MACHINE } from "./noise_model.ts";
import { curvePoint } from "./operating_curve.ts";
import {
  BOUND_OPTIONS,
  CURVE_BUDGET_BLOCKS,
  CURVE_OPTIONS,
  NO_STUDY,
  withFigures,
} from "./study.ts";
import { curvesSvg, STUDY_TABLES, withStudyTables } from "./study_tables.ts";
import { readStudy, STUDY_FILES } from "./write_study.ts";

/** Cells of Markdown tables, however they are aligned. */
const cells = (text: string) =>
  text.split("\n").filter((line) => line.startsWith("|") && !/^\|[\s|-]*$/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()).join("|"));

Deno.test("the README's tables and drawing are those of study.json", async () => {
  const study = await readStudy();
  const readme = await Deno.readTextFile(STUDY_FILES.readme);
  assertEquals(cells(readme), cells(withStudyTables(readme, study)));
  for (const table of Object.values(STUDY_TABLES)) assert(cells(table(study)).length > 4);
  const drawn = await Deno.readTextFile(STUDY_FILES.drawing);
  assertEquals(drawn.replace(/\s+/g, ""), curvesSvg(study.curves).replace(/\s+/g, ""));
});

Deno.test("study.json has the figures that its seed gives", async () => {
  const { curves } = await readStudy();
  const { threshold, points } = curves.find(({ model }) => model === VIRTUAL_MACHINE.name)!;
  const request = { threshold, budgetBlocks: CURVE_BUDGET_BLOCKS, stopsWhenFutile: true };
  for (const known of [points[0], points[4]]) {
    const { slowDown } = known;
    assertEquals(
      curvePoint(VIRTUAL_MACHINE, { ...request, slowDown }, CURVE_OPTIONS),
      known,
    );
  }
});

Deno.test("study.json keeps the promised rates on every device", async () => {
  const { curves, bounds } = await readStudy();
  assertEquals(curves.length, 5);
  // 5 % and two standard errors
  const most = ({ gates }: { gates: number }) => 0.05 + 2 * Math.sqrt(0.05 * 0.95 / gates);
  for (const { model, points } of curves) {
    assert(
      points[0].fail <= most(CURVE_OPTIONS),
      `${model} fails ${points[0].fail} without a change`,
    );
    assert(
      points[4].pass <= most(CURVE_OPTIONS),
      `${model} passes ${points[4].pass} at the threshold`,
    );
  }
  for (const row of bounds) {
    const { model, falseAlarms, misses } = row;
    assert(Math.max(falseAlarms, misses) <= most(BOUND_OPTIONS), `${model} at ${row.threshold}`);
    // below that, whole blocks and the unknown deviation weigh more
    const ratio = (row.blocksSame + row.blocksSlower) / 2 / row.bound;
    if (row.bound >= 10) assert(ratio <= 1.5, `${row.model}: ${ratio}`);
  }
});

Deno.test("withFigures() replaces the rows of the same device only", () => {
  const curve = (model: string, threshold: number) => ({ model, threshold, points: [] });
  const study = { ...NO_STUDY, curves: [curve("virtual machine", 1), curve("quiet phone", 1)] };
  const { curves } = withFigures(study, { curves: [curve("virtual machine", 2)] });
  assertEquals(curves, [curve("virtual machine", 2), curve("quiet phone", 1)]);
});

Deno.test("withStudyTables() throws when a table has no marks", () => {
  assertThrows(() => withStudyTables("# no marks", NO_STUDY), RangeError, "curves");
});

Deno.test("curvesSvg() draws a panel a device with the three verdicts", async () => {
  const { curves } = await readStudy();
  const svg = curvesSvg(curves);
  assertEquals(svg.match(/<polyline/g)?.length, 3 * curves.length);
  for (const { model } of curves) assertStringIncludes(svg, model);
});
