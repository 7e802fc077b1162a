import { assertEquals, assertRejects } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "./errors.ts";
import { readJsonFile } from "./json_file.ts";
import { inTempFolder } from "./testdata/temp_folder.ts";

const ROLE = { code: "bad-annotations", what: "annotations" } as const;

Deno.test("readJsonFile() gives the same value at once and entry by entry, without outlines", async () => {
  await inTempFolder(async (folder) => {
    const file = path.join(folder, "a.json");
    const annotations = Array.from({ length: 3000 }, (_, id) => ({ id, bbox: [0.1 * id, 1e-7] }));
    const images = [{ id: 1, file_name: 'ü"{[\\' }];
    const whole = { info: { "a]": [1] }, images, annotations, categories: [{ id: 1 }] };
    for (const value of [annotations, whole]) {
      await Deno.writeTextFile(file, "\ufeff \n" + JSON.stringify(value));
      const streamed = await readJsonFile(file, ROLE, 0);
      const { info: _, ...lists } = whole;
      assertEquals(streamed, value === whole ? lists : annotations);
      assertEquals(await readJsonFile(file, ROLE), value);
    }
    await Deno.writeTextFile(
      file,
      JSON.stringify({ annotations: [{ id: 1, segmentation: [[1, 2]] }] }),
    );
    assertEquals(await readJsonFile(file, ROLE, 0), { annotations: [{ id: 1 }] });
  });
});

Deno.test("readJsonFile() names the entry that is no JSON, and a file that is cut short", async () => {
  await inTempFolder(async (folder) => {
    const file = path.join(folder, "a.json");
    for (
      const [text, found] of [
        ['[{"a":1},{"a":NaN}]', "entry 1 is not JSON"],
        ['{"images":[],"annotations":[{"a":1},{"a":-Infinity}]}', "annotations[1] is not JSON"],
        ['[{"a":1},{"a":', "not JSON"],
        ["nothing", "not JSON"],
        ["", "not JSON"],
      ]
    ) {
      await Deno.writeTextFile(file, text);
      for (const streamAboveBytes of [-1, 1e9]) {
        const error = await assertRejects(
          () => readJsonFile(file, ROLE, streamAboveBytes),
          HarnessError,
          found,
        );
        assertEquals(error.code, "bad-annotations");
      }
    }
    await assertRejects(() => readJsonFile("/nowhere.json", ROLE), HarnessError, "no such file");
  });
});
