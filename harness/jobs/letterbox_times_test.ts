import { assertEquals, assertThrows } from "@std/assert";
import { letterboxTable, parseLetterboxTimes } from "./letterbox_times.ts";

const line = (letterboxNs: number[], ncnnNs: number[]) =>
  JSON.stringify({
    imageSize: [640, 480],
    inputSize: [640, 640],
    threads: 2,
    loops: "avx2",
    sameBits: true,
    letterboxNs,
    ncnnNs,
  });

Deno.test("letterboxTable() pairs neighbouring turns and gives the range over launches", () => {
  const launches = [
    // turns 0.5, 0.25, 1: their median is 0.5; 10 % quantiles 120 and 220 µs
    parseLetterboxTimes(line([100_000, 200_000, 300_000], [200_000, 800_000, 300_000])),
    parseLetterboxTimes(line([100_000], [400_000])),
    parseLetterboxTimes(line([400_000], [400_000])),
  ];
  assertEquals(
    letterboxTable(launches).split("\n")[2],
    "| 640×480 → 640×640 | 2 | 0.120 | 0.400 | 0.55 (0.25 to 1.00) | 0.50 (0.25 to 1.00) | the same |",
  );
});

Deno.test("letterboxTable() says when the bits differ in one launch", () => {
  const other = line([1], [1]).replace("true", "false");
  const table = letterboxTable([parseLetterboxTimes(line([1], [1])), parseLetterboxTimes(other)]);
  assertEquals(table.includes("| differ |"), true);
});

Deno.test("parseLetterboxTimes() throws when a launch printed no times", () => {
  assertThrows(() => parseLetterboxTimes(""));
  assertThrows(() => parseLetterboxTimes(line([], [])));
});
