/**
 * What Posemark says of each exported file: a row of the table in README.md.
 *
 * Run as `deno run --allow-read --allow-write --allow-run --allow-net --allow-env --allow-ffi
 * --allow-sys models/exports/outcomes.ts FOLDER`, after `make_exports.py FOLDER`.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../../harness/errors.ts";
import { prepareVariants } from "../../harness/model/prepare.ts";
import { SILENT } from "../../harness/progress.ts";
import { markdownTable } from "../../harness/text/table.ts";

/** Returns the row of a file: its name, whether it is accepted, and what was found. */
async function outcome(file: string): Promise<string[]> {
  const name = path.basename(file, ".onnx");
  try {
    const { variants: [{ manifest }] } = await prepareVariants({
      models: [file],
      activations: null,
      heads: ["raw"],
      precisions: ["fp32"],
      shapes: [{ mode: "own" }],
      converters: ["pnnx"],
      progress: SILENT,
    });
    const { decode, headCode, branch, warnings } = manifest;
    const gap = (value: number | null) => value === null ? "–" : value.toExponential(0);
    return [
      name,
      "accepted",
      `${branch}, ${headCode.box.code}`,
      `${gap(decode!.maxBoxPx)} / ${gap(decode!.maxKeypointPx)} px, ${gap(decode!.maxScore)}`,
      [...decode!.notes, ...warnings.map(({ message }) => message)].join("; "),
    ];
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
    return [name, "refused", "", "", error.message.replaceAll(file, path.basename(file))];
  }
}

if (import.meta.main) {
  const [folder] = Deno.args;
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.endsWith(".onnx")).sort();
  const rows: string[][] = [];
  for (const file of files) rows.push(await outcome(path.join(folder, file)));
  const gap = "gap to its own decode: box / keypoint, score";
  console.log(markdownTable(["export", "outcome", "head", gap, "said"], rows));
}
