/**
 * The JSON schemas of records, report and manifest, generated from the code that reads them.
 *
 * `deno task schema` writes them beside this file; a test fails when they are not current.
 *
 * @module
 */
import { z } from "zod";
import { RecordSchema } from "../record/records.ts";
import { ReportSchema } from "../report/report_json.ts";
import { VariantManifestSchema } from "../record/variant.ts";

/** JSON schema documents (draft 2020-12) by file name. */
export function jsonSchemas(): Record<string, string> {
  const documents = {
    "record.schema.json": ["One line of records.jsonl", RecordSchema],
    "report.schema.json": ["report.json", ReportSchema],
    "manifest.schema.json": ["manifest.json of a prepared variant", VariantManifestSchema],
  } as const;
  return Object.fromEntries(
    Object.entries(documents).map(([file, [title, schema]]) => [
      file,
      JSON.stringify({ title, ...z.toJSONSchema(schema) }, null, 2) + "\n",
    ]),
  );
}

if (import.meta.main) {
  for (const [file, text] of Object.entries(jsonSchemas())) {
    await Deno.writeTextFile(new URL(file, import.meta.url), text);
  }
}
