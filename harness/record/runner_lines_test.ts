import { assertEquals, assertThrows } from "@std/assert";
import { fnv1a64, parseRunnerOutput, parseTurnsOutput } from "./runner_lines.ts";
import { HarnessError } from "../errors.ts";
import { runnerHeader } from "../run/testdata/records.ts";

const expected = { imageIds: ["a"], iterations: 2, where: "a test" };
const samples = (values: number[]) => ({
  preprocess: values,
  inference: values,
  postprocess: values,
  total: values,
});

function output(change: { images?: unknown[]; end?: Record<string, unknown> } = {}): string {
  const image = {
    kind: "image",
    imageId: "a",
    inputWidthPx: 64,
    inputHeightPx: 64,
    firstNs: { preprocess: 1, inference: 1, postprocess: 1, total: 3 },
    samplesNs: samples([1, 2]),
    candidateCount: 0,
    detections: [],
  };
  const body = [runnerHeader(), ...(change.images ?? [image])]
    .map((line) => JSON.stringify(line) + "\n").join("");
  const end = {
    kind: "end",
    imageCount: 1,
    peakRssBytes: 1,
    elapsedNs: 5,
    fnv1a64: fnv1a64(new TextEncoder().encode(body)),
    ...change.end,
  };
  return body + JSON.stringify(end) + "\n";
}

Deno.test("fnv1a64() equals the published values", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  assertEquals(fnv1a64(bytes("")), "cbf29ce484222325");
  assertEquals(fnv1a64(bytes("a")), "af63dc4c8601ec8c");
  assertEquals(fnv1a64(bytes("foobar")), "85944171f73967e8");
});

Deno.test("fnv1a64() equals the definition in 64-bit integers when bytes are arbitrary", () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, index) => (index * 7919 + 13) & 255);
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  assertEquals(fnv1a64(bytes), hash.toString(16).padStart(16, "0"));
});

Deno.test("parseRunnerOutput() returns header, images and end when all is there", () => {
  const parsed = parseRunnerOutput(output(), expected);
  assertEquals(parsed.images[0].samplesNs.total, [1, 2]);
  assertEquals(parsed.end.imageCount, 1);
});

Deno.test("parseRunnerOutput() throws bad-device-output when anything is missing or changed", () => {
  const good = output();
  const cases: [string, string][] = [
    ["empty", ""],
    ["cut in the last line", good.slice(0, -10)],
    ["no end marker", good.split("\n").slice(0, -2).join("\n") + "\n"],
    ["a changed sample", good.replace("[1,2]", "[1,3]")],
    ["another hash", output({ end: { fnv1a64: "0123456789abcdef" } })],
    ["no image", output({ images: [], end: { imageCount: 0 } })],
    ["another count", output({ end: { imageCount: 2 } })],
    ["garbage", "\u0000\u001b[2J\n" + good],
  ];
  for (const [name, text] of cases) {
    const error = assertThrows(() => parseRunnerOutput(text, expected), HarnessError, "", name);
    assertEquals(error.code, "bad-device-output", name);
  }
});

Deno.test("parseRunnerOutput() throws when a sample is missing", () => {
  assertThrows(
    () => parseRunnerOutput(output(), { ...expected, iterations: 3 }),
    HarnessError,
    "2 preprocess samples, expected 3",
  );
});

/** Returns the output of two contestants on the image `a`, with the lines between changed. */
function turnsOutput(change: (lines: Record<string, unknown>[]) => void = () => {}): string {
  const image = (contestant: number, turn: number) => ({
    kind: "image",
    contestant,
    turn,
    imageId: "a",
    inputWidthPx: 64,
    inputHeightPx: 64,
    firstNs: null,
    samplesNs: samples([10 * contestant + 1, 2]),
    candidateCount: 0,
    detections: [],
  });
  const lines: Record<string, unknown>[] = [
    { kind: "turns", contestantCount: 2, unmeasured: 1, measured: 2, firstStep: 3 },
    { ...runnerHeader(), contestant: 0 },
    { ...runnerHeader(), contestant: 1, runnerVersion: "second" },
    image(1, 0),
    image(0, 1),
  ];
  change(lines);
  const body = lines.map((line) => JSON.stringify(line) + "\n").join("");
  const hash = fnv1a64(new TextEncoder().encode(body));
  const end = { kind: "end", imageCount: 1, peakRssBytes: 1, elapsedNs: 5, fnv1a64: hash };
  return body + JSON.stringify(end) + "\n";
}

Deno.test("parseTurnsOutput() gives each contestant its own header, images and turns", () => {
  const { turns, contestants } = parseTurnsOutput(turnsOutput(), {
    ...expected,
    contestantCount: 2,
  });
  assertEquals([turns.unmeasured, turns.firstStep], [1, 3]);
  assertEquals(contestants.map(({ turnOfImage }) => turnOfImage), [[1], [0]]);
  assertEquals(contestants.map(({ images }) => images[0].samplesNs.total), [[1, 2], [11, 2]]);
  assertEquals(contestants[1].header.runnerVersion, "second");
});

Deno.test("parseTurnsOutput() refuses a launch in which a turn or a header is missing or out of place", () => {
  const cases: [(lines: Record<string, unknown>[]) => void, string][] = [
    [(lines) => lines.pop(), "found 0 images"],
    [(lines) => lines.splice(3, 1), "turn 0 is not in its place"],
    [(lines) => lines[4].contestant = 2, "turn 1 is not in its place"],
    [(lines) => lines.splice(2, 1), "is not the header of contestant 1"],
    [(lines) => lines.splice(0, 1), "does not tell the turns"],
    [(lines) => lines[3].imageId = "b", "expected 1 in the same order"],
    [(lines) => lines[3].samplesNs = samples([1]), "expected 2"],
  ];
  for (const [change, message] of cases) {
    assertThrows(
      () => parseTurnsOutput(turnsOutput(change), { ...expected, contestantCount: 2 }),
      HarnessError,
      message,
    );
  }
});
