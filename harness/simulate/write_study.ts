/**
 * `deno task study [TEXT…]`: runs the steps of the study whose names hold one of the texts, all
 * without one, and writes `study.json`, `operating_curves.svg` and the tables of this folder's
 * README.
 *
 * @module
 */
import * as path from "@std/path";
import { tell } from "../terminal.ts";
import { NO_STUDY, type Study, studySteps, withFigures } from "./study.ts";
import { curvesSvg, withStudyTables } from "./study_tables.ts";

/** Files of the study. */
export const STUDY_FILES = {
  study: path.join(import.meta.dirname!, "study.json"),
  drawing: path.join(import.meta.dirname!, "operating_curves.svg"),
  readme: path.join(import.meta.dirname!, "README.md"),
};

/** Returns the figures on disk; none when there is no file. */
export async function readStudy(): Promise<Study> {
  try {
    return JSON.parse(await Deno.readTextFile(STUDY_FILES.study));
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return NO_STUDY;
    throw cause;
  }
}

if (import.meta.main) {
  let study = await readStudy();
  for (const { name, run } of studySteps()) {
    if (Deno.args.length > 0 && !Deno.args.some((text) => name.includes(text))) continue;
    tell(`… ${name}`);
    study = withFigures(study, await run());
    await Deno.writeTextFile(STUDY_FILES.study, JSON.stringify(study, null, 2) + "\n");
  }
  await Deno.writeTextFile(STUDY_FILES.drawing, curvesSvg(study.curves));
  const readme = await Deno.readTextFile(STUDY_FILES.readme);
  await Deno.writeTextFile(STUDY_FILES.readme, withStudyTables(readme, study));
}
