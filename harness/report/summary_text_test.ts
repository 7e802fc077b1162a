import { assert, assertEquals } from "@std/assert";
import { EXAMPLE_SIZE, syntheticReport } from "./testdata/synthetic_report.ts";
import { summaryText } from "./summary_text.ts";

Deno.test("summaryText() has a table for each device, a line for each variant, ranked ones first", () => {
  const report = syntheticReport({ ...EXAMPLE_SIZE, rounds: 2, images: 2, pictures: 0 });
  const text = summaryText(report);
  for (const { serial } of report.devices) {
    const own = text.slice(text.indexOf(`Device ${serial} (`)).split("\n\n")[0].split("\n");
    const variants = report.variants.filter(({ device }) => device === serial);
    assertEquals(own.length, 3 + variants.length, "name, head, dashes and the variants");
    assert(own[1].startsWith("rank  variant "), own[1]);
    const ranked = variants.filter(({ rank }) => rank !== null).length;
    assertEquals(
      own.slice(3).map((line) => line.split(" ")[0]),
      [
        ...Array.from({ length: ranked }, (_, index) => String(index + 1)),
        ...Array.from({ length: variants.length - ranked }, () => "–"),
      ],
    );
  }
  assertEquals(text.split("\n").filter((line) => line.endsWith(" ")), []);
});

Deno.test("summaryText() gives a variant of several input sizes the time that its FPS is of", () => {
  const report = syntheticReport({ ...EXAMPLE_SIZE, rounds: 2, images: 2, pictures: 0 });
  const variant = report.variants.find(({ fps }) => fps !== null)!;
  variant.id = "rect-variant";
  variant.timeNs = 12_340_000;
  const line = summaryText(report).split("\n").find((each) => each.includes("rect-variant"))!;
  assertEquals(line.includes(" 12.34 "), true, line);
});
