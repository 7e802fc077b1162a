import { assertEquals, assertMatch } from "@std/assert";
import { textWidth } from "../text/lines.ts";
import { EXAMPLE_SIZE, syntheticReport } from "./testdata/synthetic_report.ts";
import { summaryText } from "./summary_text.ts";

const SMALL = { ...EXAMPLE_SIZE, images: 2, pictures: 0 };

Deno.test("summaryText() has what ran, a table for each device with a line for each variant, and the answer last", () => {
  const report = syntheticReport({ ...SMALL, devices: 2 });
  const text = summaryText(report, 1000);
  assertEquals(text.split("\n")[0], "yolov8n-pose · 640×640 · pnnx");
  for (const { serial } of report.devices) {
    const own = text.slice(text.indexOf(`Device ${serial} (`)).split("\n\n")[0].split("\n");
    assertMatch(own[1], /^4 threads · all cores · .*ncnn/);
    const variants = report.variants.filter(({ device }) => device === serial);
    const head = own.findIndex((line) => line.startsWith("#  variant "));
    assertEquals(own.length - head - 2, variants.length, own.join("\n"));
    const places = own.slice(head + 2).map((line) => line.split(" ")[0]);
    assertEquals(places.at(-1), "–", "who has no rank comes last");
    assertEquals(places[0], "1");
  }
  assertMatch(text.trimEnd().split("\n").at(-1)!, / is 1\.\d\d× as fast as .*\.$/);
  assertEquals(text.split("\n").filter((line) => line.endsWith(" ")), []);
});

Deno.test("summaryText() fits its columns, and keeps rank, time, ratio and both questions of correctness in 80", () => {
  const report = syntheticReport({ ...SMALL, rounds: 3 });
  for (const columns of [60, 80, 120]) {
    const long = summaryText(report, columns).split("\n").filter((line) =>
      textWidth(line) > columns
    );
    assertEquals(long, [], `${columns} columns`);
  }
  assertMatch(summaryText(report, 80), /^# +variant +ms +speed-up \(95%\) +converted +AP$/m);
});

Deno.test("summaryText() says in which states the machine was", () => {
  const report = syntheticReport(SMALL);
  report.conditions[0].speeds = { ratio: 1.45, fastLaunches: 40, slowLaunches: 24 };
  const text = summaryText(report, 200);
  assertMatch(text, /^The machine had two speeds: 24 of 64 launches took 45% longer\./m);
});
