import { assert, assertEquals } from "@std/assert";
import * as path from "@std/path";
import sharp from "sharp";
import type { KeypointFile } from "../fixtures/coco.ts";
import { sha256Hex } from "../harness/hash.ts";
import { detect } from "../harness/pose/detect.ts";
import { letterbox, letterboxGeometry } from "../harness/pose/letterbox.ts";
import { iou } from "../harness/head/select.ts";
import { openSession } from "../harness/model/onnx/session.ts";
import { DECODED_HEAD } from "./train/evaluate_card.ts";
import { ACTIVATIONS, type ModelManifest } from "./train/manifest.ts";

const HERE = import.meta.dirname!;
const FIXTURES = path.join(path.dirname(HERE), "fixtures");

async function manifestOf(activation: string): Promise<ModelManifest> {
  return JSON.parse(await Deno.readTextFile(path.join(HERE, `posemark-n-${activation}.json`)));
}

for (const activation of ACTIVATIONS) {
  Deno.test(`posemark-n-${activation}.json describes the file beside it`, async () => {
    const manifest = await manifestOf(activation);
    const bytes = await Deno.readFile(path.join(HERE, manifest.file));
    assertEquals(manifest.activation, activation);
    assertEquals(manifest.sizeBytes, bytes.length);
    assertEquals(manifest.sha256, await sha256Hex(bytes));
    assert(bytes.length < 7_000_000, `${bytes.length} bytes: are the weights fp16?`);
  });

  Deno.test(`posemark-n-${activation}.onnx finds people in most fixtures, and most people`, async () => {
    const { file, inputShape } = await manifestOf(activation);
    const { images, annotations }: KeypointFile = JSON.parse(
      await Deno.readTextFile(path.join(FIXTURES, "person_keypoints.json")),
    );
    await using session = await openSession(path.join(HERE, file), { threads: 1 });
    let picturesWithFinds = 0;
    let found = 0;
    for (const { id, file_name } of images) {
      const { data, info } = await sharp(path.join(FIXTURES, "images", file_name)).removeAlpha()
        .raw().toBuffer({ resolveWithObject: true });
      const image = { widthPx: info.width, heightPx: info.height, rgb: new Uint8Array(data) };
      const geometry = letterboxGeometry(info.width, info.height, { mode: "fixed", ...inputShape });
      const blobs = await session.blobs(letterbox(image, geometry), inputShape);
      const options = { scoreThreshold: 0.25, nmsIou: 0.7, maxDetections: 300 };
      const { detections } = detect(DECODED_HEAD, blobs, geometry, options);
      const people = annotations.filter(({ image_id, bbox: [left, top, width, height] }) =>
        image_id === id &&
        detections.some(({ boxXyxyPx }) =>
          iou(boxXyxyPx, [left, top, left + width, top + height]) > 0.5
        )
      );
      if (people.length > 0) picturesWithFinds++;
      found += people.length;
    }
    assert(picturesWithFinds >= 20, `people found in ${picturesWithFinds} of ${images.length}`);
    assert(found > 50, `${found} of ${annotations.length} people found`);
  });
}
