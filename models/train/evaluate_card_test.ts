import { assert, assertEquals } from "@std/assert";
import { parseAnnotations } from "../../harness/pose/read_annotations.ts";
import { heldOutAnnotations, tableLine } from "./evaluate_card.ts";

Deno.test("heldOutAnnotations() describes the same pictures every time, with people in most", () => {
  const text = heldOutAnnotations(6);
  assertEquals(heldOutAnnotations(6), text);
  const { images, annotations } = parseAnnotations(text, "held-out");
  assertEquals(images.length, 6);
  const shown = new Set(annotations.map(({ imageId }) => imageId));
  assert(shown.size >= 4, `people in ${shown.size} of 6`);
});

Deno.test("tableLine() has AP, AP50, AP75 and AR with four digits", () => {
  const metrics = {
    ...{ AP: 0.81234, AP50: 0.9, AP75: 0.85, APm: 0.1, APl: 0.2 },
    ...{ AR: 0.84, AR50: 0.3, AR75: 0.4, ARm: 0.5, ARl: 0.6 },
  };
  assertEquals(tableLine("silu", metrics), "| silu | 0.8123 | 0.9000 | 0.8500 | 0.8400 |");
});
