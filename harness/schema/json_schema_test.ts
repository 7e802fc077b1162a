import { assert, assertEquals } from "@std/assert";
import Ajv from "ajv/dist/2020.js";
import { jsonSchemas } from "./json_schema.ts";
import { failureRecord, runRecord } from "../run/testdata/records.ts";

Deno.test("jsonSchemas() equals the committed files when they are current (deno task schema)", () => {
  for (const [file, text] of Object.entries(jsonSchemas())) {
    assertEquals(Deno.readTextFileSync(new URL(file, import.meta.url)), text);
  }
});

Deno.test("record.schema.json accepts records and refuses unknown keys by another implementation", () => {
  const validate = new Ajv.default({ strict: false }).compile(
    JSON.parse(jsonSchemas()["record.schema.json"]),
  );
  assert(validate(runRecord()), JSON.stringify(validate.errors));
  assert(validate(failureRecord(0)), JSON.stringify(validate.errors));
  assertEquals(validate({ ...failureRecord(0), unknown: 1 }), false);
  assertEquals(validate({ ...failureRecord(0), round: -1 }), false);
});
