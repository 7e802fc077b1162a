import { assert, assertEquals } from "@std/assert";
import { headBlobs, rawSpec } from "../head/head_blobs.ts";
import { parseOutputs } from "../head/head_spec.ts";
import { detect } from "../pose/detect.ts";
import type { Letterbox, RgbImage } from "../pose/letterbox.ts";
import { letterbox, letterboxGeometry } from "../pose/letterbox.ts";
import { peopleBlobs, seededRandom } from "../pose/testdata/random.ts";
import { YOLOV8 } from "../record/head_code.ts";
import type { Detection } from "../record/records.ts";
import { FEEDING_CAUSES, feedingOf, WAY_CAUSES } from "./causes.ts";
import { peopleOf, type PeopleOptions } from "./decode_ways.ts";
import type { AppDump } from "./dump.ts";
import { CLEAN_FEEDING, feed } from "./feed.ts";
import type { AppCase, AppReference } from "./app.ts";
import { judgeApp } from "./judge_app.ts";
import { appVerdictText } from "./text.ts";

const SIZE = { widthPx: 160, heightPx: 96 };
const OPTIONS: PeopleOptions = { scoreThreshold: 0.25, nmsIou: 0.45, maxDetections: 300 };
const RAW = rawSpec({
  classCount: 1,
  keypointCount: 5,
  keypointDims: 3,
  regMax: 16,
  headCode: YOLOV8,
  strides: [8, 16, 32],
});

/** A picture without symmetry, whose sides don't fit the input. */
function picture(seed: number): RgbImage {
  const random = seededRandom(seed);
  const [widthPx, heightPx] = [207, 151];
  const waves = Array.from({ length: 9 }, () => 0.02 + 0.1 * random());
  const rgb = Uint8Array.from({ length: 3 * widthPx * heightPx }, (_, at) => {
    const [x, y] = [Math.floor(at / 3) % widthPx, Math.floor(at / 3 / widthPx)];
    const channel = at % 3;
    return 128 +
      100 * Math.sin(waves[channel] * x + waves[3 + channel] * y + waves[6 + channel] * seed * 9);
  });
  return { widthPx, heightPx, rgb };
}

/** A network whose outputs are people that depend on the tensor, so that another tensor is told. */
const REFERENCE: AppReference = {
  raw: RAW,
  size: SIZE,
  blobs: (tensor, input) => {
    const sum = tensor.reduce((sum, value, at) => sum + value * Math.sin(at), 0);
    const seed = Math.abs(Math.round(16 * sum)) + 1;
    return Promise.resolve(peopleBlobs(seededRandom(seed), RAW, input, 6));
  },
};

interface Stages {
  tensor: Float32Array;
  geometry: Letterbox;
  blobs: Float32Array[];
  people: Detection[];
}

/** What a sound app has, by code that the judge does not use to decode. */
async function sound(image: RgbImage): Promise<Stages> {
  const geometry = letterboxGeometry(image.widthPx, image.heightPx, { mode: "fixed", ...SIZE });
  const tensor = letterbox(image, geometry);
  const blobs = await REFERENCE.blobs(tensor, SIZE);
  const { detections } = detect(RAW, blobs, geometry, OPTIONS);
  return { tensor, geometry, blobs, people: detections };
}

type Written = Partial<Pick<AppDump, "image" | "input" | "outputs" | "people">>;

async function casesOf(
  write: (stages: Stages, image: RgbImage, index: number) => Written,
): Promise<AppCase[]> {
  const cases: AppCase[] = [];
  for (const index of [0, 1]) {
    const image = picture(index + 1);
    const stages = await sound(image);
    cases.push({
      image,
      dump: {
        imageId: `${index}`,
        image: null,
        input: null,
        outputs: new Map(),
        people: null,
        ...write(stages, image, index),
      },
    });
  }
  return cases;
}

const whole = ({ tensor, blobs, people }: Stages): Written => ({
  input: { values: tensor, ...SIZE },
  outputs: new Map(blobs.map((values, i) => [`out${i}`, { values, shape: [] }])),
  people,
});

async function judged(write: Parameters<typeof casesOf>[0]) {
  const verdict = await judgeApp(await casesOf(write), REFERENCE, OPTIONS);
  const failed = verdict.stages.find(({ verdict }) => verdict === "fail");
  return { verdict, stage: verdict.firstFailedStage, named: failed?.suspects[0]?.name ?? null };
}

Deno.test("judgeApp() passes a sound app, by all stages, by people alone, and by a layout of its own", async () => {
  const { verdict } = await judged((stages, image) => ({ ...whole(stages), image }));
  assertEquals(verdict.firstFailedStage, null, JSON.stringify(verdict));
  assertEquals(verdict.stages.map(({ verdict }) => verdict), new Array(6).fill("pass"));
  assert(verdict.endToEnd!.pairs > 5 && verdict.endToEnd!.largestPx < 1e-3);
  assertEquals((await judged(({ people }) => ({ people }))).stage, null);
  const spec = { ...RAW, outputs: parseOutputs("a:box+scores/last:8+16+32,b:kpt/first:8+16+32")! };
  const own = await judged(({ blobs, people }) => ({
    people,
    outputs: new Map(
      headBlobs(RAW, blobs, spec, SIZE).map((values, i) => [["a", "b"][i], { values, shape: [] }]),
    ),
  }));
  assertEquals(own.stage, null, appVerdictText(own.verdict));
});

for (const cause of FEEDING_CAUSES) {
  Deno.test(`judgeApp() names ${cause.name} by the tensor`, async () => {
    const found = await judged((_, image) => ({
      input: { values: feed(image, SIZE, feedingOf(cause)).tensor, ...SIZE },
    }));
    assertEquals([found.stage, found.named], ["preprocess", cause.name]);
  });
}

Deno.test("judgeApp() names every way to get the people wrong by what the app wrote", async () => {
  const missed: string[] = [];
  for (const cause of WAY_CAUSES) {
    const found = await judged((stages) => ({
      ...whole(stages),
      people: peopleOf(RAW, stages.blobs, stages.geometry, OPTIONS, cause.way),
    }));
    if (found.named !== cause.name) missed.push(`${cause.name}: ${found.named}`);
  }
  // what these pictures don't show: the fast exponential moves no side by a pixel, nobody scores
  // between the threshold and its sigmoid, and no people overlap between the two limits
  const hidden = ["logit-threshold: null", "fast-exponential: null", "nms-other-limit: null"];
  assertEquals(missed.filter((each) => !hidden.includes(each)), []);
});

Deno.test("judgeApp() names another picture, another network and outputs that come back", async () => {
  const stranger = await judged((stages, _, index) => ({
    input: {
      values: index === 0 ? stages.tensor : feed(picture(index), SIZE, CLEAN_FEEDING).tensor,
      ...SIZE,
    },
  }));
  assertEquals(stranger.named, "wrong-image");
  const padded = await judged(({ tensor, geometry }) => ({
    input: {
      values: tensor.map((value, at) =>
        at % SIZE.widthPx < geometry.leftPx ? Math.abs(Math.sin(at)) : value
      ),
      ...SIZE,
    },
  }));
  assertEquals([padded.stage, padded.named], ["preprocess", "padding"]);
  const other = await judged(({ tensor, blobs }) => ({
    input: { values: tensor, ...SIZE },
    outputs: new Map(blobs.map((values, i) => [
      `out${i}`,
      { values: values.map((value, at) => value * (1 + 0.6 * Math.sin(at))), shape: [] },
    ])),
  }));
  assertEquals([other.stage, other.named], ["network", "other-network"]);
  const first = await sound(picture(1));
  const stale = await judged(({ tensor }) => ({
    input: { values: tensor, ...SIZE },
    outputs: whole(first).outputs,
  }));
  assertEquals([stale.stage, stale.named], ["network", "stale-outputs"]);
});
