import { assertEquals } from "@std/assert";
import { axisLabel } from "./figure.js";

Deno.test("axisLabel() needs one line for a short label, and breaks a longer one between its parts", () => {
  assertEquals(axisLabel("SiLU · raw · fp32"), "SiLU · raw · fp32");
  assertEquals(axisLabel("SiLU · raw", "(emulated)"), "SiLU · raw (emulated)");
  assertEquals(axisLabel("HardSwish · decoded · fp16 weights · 640×640"), [
    "HardSwish · decoded ·",
    "fp16 weights · 640×640",
  ]);
});

Deno.test("axisLabel() cuts a long label in its middle and keeps both its ends and the note", () => {
  const name = `yolov8n-${"x".repeat(60)}-second`;
  const [first, second] = [axisLabel(name, "(speed only, parity failed)")].flat();
  assertEquals([first.startsWith("yolov8n"), first.endsWith("-second")], [true, true]);
  assertEquals(second, "(speed only, parity failed)");
  assertEquals([axisLabel(`${name} #2`)].flat().join("").endsWith("-second #2"), true);
});
