import { assert, assertEquals, assertThrows } from "@std/assert";
import { rowLength } from "./candidates.ts";
import { decode } from "./decode.ts";
import type { HeadSpec } from "./head_spec.ts";
import { peopleBlobs, rawHead, seededRandom } from "../pose/testdata/random.ts";
import { headBlobs } from "./head_blobs.ts";

const INPUT = { widthPx: 160, heightPx: 96 };

function planesOf(raw: HeadSpec): HeadSpec {
  return {
    ...raw,
    outputs: [8, 16, 32].flatMap((stride) =>
      (["box", "cls", "kpt"] as const).map((role) => ({ blob: `${role}${stride}`, role, stride }))
    ),
  };
}

Deno.test("headBlobs() gives blobs that decode to the same candidates in every head", () => {
  for (const dims of [3, 2] as const) {
    const raw = rawHead(2, 5, dims);
    const rawBlobs = peopleBlobs(seededRandom(1), raw, INPUT, 4);
    const expected = decode(raw, rawBlobs, INPUT, { scoreThreshold: 0.3 });
    assert(expected.count > 3);
    const planes = planesOf(raw);
    const nchw = headBlobs(raw, rawBlobs, planes, INPUT);
    assertEquals(decode(planes, nchw, INPUT, { scoreThreshold: 0.3 }), expected);
    const decoded: HeadSpec = {
      ...raw,
      outputs: [{ blob: "out0", role: "decoded", stride: null }],
    };
    const matrix = headBlobs(raw, rawBlobs, decoded, INPUT);
    const found = decode(decoded, matrix, INPUT, { scoreThreshold: 0.3 });
    assertEquals([...found.cells], [...expected.cells]);
    assertEquals([...found.strides], [...expected.strides]);
    const length = rowLength(5);
    for (let at = 0; at < expected.rows.length; at++) {
      assert(
        Math.abs(found.rows[at] - expected.rows[at]) < 1e-4,
        `row ${Math.floor(at / length)}, value ${at % length}`,
      );
    }
  }
});

Deno.test("headBlobs() throws when the head has a stride that the reference has not", () => {
  const raw = rawHead(1, 1);
  const blobs = peopleBlobs(seededRandom(1), raw, INPUT, 1);
  assertThrows(
    () =>
      headBlobs(raw, blobs, { ...raw, outputs: [{ blob: "a", role: "cls", stride: 64 }] }, INPUT),
    RangeError,
    "expected 64",
  );
});
