import { assertEquals } from "@std/assert";
import { type MutationRow, mutationTable } from "./testdata/mutation_table.ts";
import { DEFAULT_BARS, type JudgeOptions } from "./judge.ts";
import { STAGES } from "../record/records.ts";
import { summarizeParity } from "./summary.ts";
import { type LaunchRequest, openRealRunner, runProgram } from "./testdata/real_runner.ts";
import { WRONG_DESCRIPTIONS } from "./testdata/wrong_head.ts";
import { needs } from "../testdata/needs.ts";

/** What makes a run a faulty one. */
type Change = Pick<LaunchRequest, "extra" | "told">;

const OPTIONS: JudgeOptions = {
  scoreThreshold: 0.25,
  nmsIou: 0.7,
  maxDetections: 300,
  bar: DEFAULT_BARS,
};
const TABLE = new URL("testdata/mutations.md", import.meta.url);

/**
 * Photographs that show every defect at 320×320: people of several sizes on all levels, some at the
 * last row and column of the grid, some of whom a smaller one overlaps, padding of an odd number of
 * rows.
 */
const PHOTOGRAPHS = ["000000000790", "000000129648", "000000183709"];

Deno.test({
  name:
    "judgeImage() catches every injected defect of the runner at its stage, and nothing in a clean run",
  ...needs("shared"),
  fn: async () => {
    await using runner = await openRealRunner(["raw"]);
    const injected: { name: string; stage: string; what: string }[] =
      (await runProgram([runner.program, "defects"])).trim().split("\n").map((line) =>
        JSON.parse(line)
      );
    const defects: (Change & { name: string; stage: string; what: string })[] = [
      ...injected.map((defect) => ({ ...defect, extra: ["--inject-defect", defect.name] })),
      ...WRONG_DESCRIPTIONS,
    ];
    const order = (stage: string) => STAGES.findIndex((each) => each === stage);
    defects.sort((a, b) => order(a.stage) - order(b.stage));
    assertEquals(defects.length, 50);
    const request = {
      head: "raw",
      shape: { mode: "fixed", widthPx: 320, heightPx: 320 },
      images: runner.photographs.filter(({ id }) => PHOTOGRAPHS.includes(id)),
      options: OPTIONS,
    } as const;
    assertEquals(request.images.length, PHOTOGRAPHS.length);
    const summaryOf = async (change: Change) =>
      summarizeParity(await runner.judge({ ...request, ...change }), {
        speedOnly: false,
        expectedImages: request.images.length,
      });
    const clean = await summaryOf({});
    assertEquals(clean.verdict, "pass", clean.reason);
    const rows: MutationRow[] = [];
    const wrong: string[] = [];
    for (const { name, stage, what: description, ...change } of defects) {
      const summary = await summaryOf(change);
      rows.push({ name, description, caughtAt: summary.firstFailedStage, reason: summary.reason });
      if (summary.verdict !== "fail" || summary.firstFailedStage !== stage) {
        wrong.push(
          `${name}: expected a failure at ${stage}, found ${summary.verdict} at ${summary.firstFailedStage}: ${summary.reason}`,
        );
      }
    }
    if (Deno.env.get("POSEMARK_UPDATE_TABLE") === "1") {
      await Deno.writeTextFile(TABLE, mutationTable(rows));
    }
    assertEquals(wrong, []);
    const withoutReasons = (table: string) =>
      table.trim().split("\n").filter((line) => !line.includes("--"))
        .map((line) => line.split("|").slice(1, 4).map((cell) => cell.trim()));
    assertEquals(
      withoutReasons(mutationTable(rows)),
      withoutReasons(await Deno.readTextFile(TABLE)),
      "run this test with POSEMARK_UPDATE_TABLE=1 and review the table",
    );
  },
});

Deno.test("mutationTable() is a Markdown table in which an escape stands out and reasons are short", () => {
  const table = mutationTable([
    { name: "a", description: "does a", caughtAt: null, reason: "x|y" },
    {
      name: "b",
      description: "does b",
      caughtAt: "decode",
      reason:
        "decode differs first: 2 of 3 images, worst im1: row 0 differs; float32 against float64",
    },
  ]);
  assertEquals(table.split("\n").slice(2, 4), [
    "| `a` | does a | **not caught** | x\\|y |",
    "| `b` | does b | decode | row 0 differs |",
  ]);
});
