import { assert, assertEquals, assertMatch } from "@std/assert";
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

/** Returns the properties of a JSON schema at any depth, with what is said about each. */
function* propertiesOf(schema: unknown, at = ""): Generator<[name: string, description: string]> {
  if (typeof schema !== "object" || schema === null) return;
  const { properties } = schema as { properties?: Record<string, { description?: string }> };
  for (const [name, value] of Object.entries(properties ?? {})) {
    yield [`${at}.${name}`, value.description ?? ""];
  }
  for (const [key, value] of Object.entries(schema)) yield* propertiesOf(value, `${at}.${key}`);
}

Deno.test("jsonSchemas() describe every property, and say the unit that its name carries", () => {
  const units: [RegExp, RegExp][] = [
    [/Ns$/, /nanosecond/i],
    [/Ms$/, /millisecond/i],
    [/Seconds$/, /second/i],
    [/Px$/, /pixel/i],
    [/Bytes$|^bytes/, /byte/i],
    [/TempC$|^tempC$/, /Celsius/],
    [/KHz$/, /kHz/],
    [/Percent$/, /percent/i],
  ];
  let count = 0;
  for (const [file, text] of Object.entries(jsonSchemas())) {
    for (const [path, description] of propertiesOf(JSON.parse(text))) {
      count++;
      assert(description !== "", `${file}: ${path} has no description`);
      for (const [name, unit] of units) {
        if (!name.test(path.split(".").at(-1)!)) continue;
        assertMatch(description, unit, `${file}: ${path} does not say its unit`);
      }
    }
  }
  assert(count > 300, `only ${count} properties were found`);
});
