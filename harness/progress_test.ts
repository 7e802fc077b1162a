import { assertEquals } from "@std/assert";
import { writeProgress } from "./progress.ts";

Deno.test("writeProgress() says what is done, how far it is and how long it takes when time passes", () => {
  let text = "", ms = 0;
  const step = writeProgress((part) => text += part, false, () => ms).step("building ncnn", 200);
  step.update(0.01, "not shown twice within ten seconds");
  ms = 5_000;
  step.update(0.1);
  ms = 20_000;
  step.update(0.5, "conv.cpp");
  ms = 40_000;
  step.done();
  assertEquals(text.split("\n"), [
    "… building ncnn (takes about 3 min)",
    "… building ncnn 1%: not shown twice within ten seconds",
    "… building ncnn 50%, about 20 s left: conv.cpp",
    "✓ building ncnn (40 s)",
    "",
  ]);
});

Deno.test("writeProgress() redraws one line when it writes to a terminal", () => {
  let text = "";
  writeProgress((part) => text += part, true, () => 0).step("x").done();
  assertEquals(text, "\r\x1b[2K… x\r\x1b[2K✓ x (0.0 s)\n");
});
