/**
 * Seeded random numbers and blobs of made-up people, for tests.
 *
 * @module
 */
import { seededRng } from "../../stats/rng.ts";
import { type HeadCode, YOLOV8 } from "../../record/head_code.ts";
import {
  gridSize,
  type HeadSpec,
  type InputSize,
  levelStrides,
  rawChannelCount,
} from "../../head/head_spec.ts";

/** Returns a generator of uniform numbers in [0, 1). */
export function seededRandom(seed: number): () => number {
  return seededRng(seed).uniform;
}

/** Returns a normally distributed number (Box and Muller). */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Returns the spec of three raw NHWC outputs of strides 8, 16, 32. */
export function rawHead(
  classCount = 1,
  keypointCount = 17,
  keypointDims: 2 | 3 = 3,
  headCode: HeadCode = YOLOV8,
): HeadSpec {
  return {
    classCount,
    keypointCount,
    keypointDims,
    regMax: 16,
    headCode,
    strides: [8, 16, 32],
    outputs: [8, 16, 32].map((stride, index) => ({ blob: `out${index}`, role: "raw", stride })),
  };
}

/**
 * Returns raw blobs with noise and that many people: each some neighbouring cells that agree on a
 * box and on joints.
 */
export function peopleBlobs(
  random: () => number,
  spec: HeadSpec,
  input: InputSize,
  people: number,
): Float32Array[] {
  const { box, keypoint } = spec.headCode;
  const channels = rawChannelCount(spec);
  const strides = levelStrides(spec);
  const blobs = strides.map((stride) => {
    const blob = new Float32Array(gridSize(input, stride).cells * channels);
    for (let at = 0; at < blob.length; at++) {
      blob[at] = at % channels < spec.classCount ? -9 + normal(random) : normal(random);
    }
    return blob;
  });
  for (let person = 0; person < people; person++) {
    const level = Math.floor(random() * strides.length);
    const stride = strides[level];
    const { columns, rows } = gridSize(input, stride);
    const [centreX, centreY] = [random() * columns, random() * rows];
    const [halfWidth, halfHeight] = [1 + 4 * random(), 1 + 6 * random()];
    const classIndex = Math.floor(random() * spec.classCount);
    const joints = Array.from(
      { length: spec.keypointCount },
      () => [
        centreX + (random() - 0.5) * 2 * halfWidth,
        centreY + (random() - 0.5) * 2 * halfHeight,
      ],
    );
    for (let y = Math.floor(centreY) - 1; y <= centreY + 1; y++) {
      for (let x = Math.floor(centreX) - 1; x <= centreX + 1; x++) {
        if (x < 0 || y < 0 || x >= columns || y >= rows) continue;
        const cell = (y * columns + x) * channels;
        blobs[level][cell + classIndex] = 4 * random() - 1;
        const sides = [
          x + box.origin - (centreX - halfWidth),
          y + box.origin - (centreY - halfHeight),
          centreX + halfWidth - x - box.origin,
          centreY + halfHeight - y - box.origin,
        ];
        for (const [side, distance] of sides.entries()) {
          if (box.code === "ltrb") {
            blobs[level][cell + spec.classCount + side] = distance + 0.02 * normal(random);
            continue;
          }
          for (let bin = 0; bin < spec.regMax; bin++) {
            blobs[level][cell + spec.classCount + side * spec.regMax + bin] =
              -2 * Math.abs(bin - distance) + 0.3 * normal(random);
          }
        }
        const start = cell + channels - spec.keypointCount * spec.keypointDims;
        for (const [joint, [jointX, jointY]] of joints.entries()) {
          const at = start + joint * spec.keypointDims;
          blobs[level][at] = (jointX - x - keypoint.origin) / keypoint.scale +
            0.02 * normal(random);
          blobs[level][at + 1] = (jointY - y - keypoint.origin) / keypoint.scale +
            0.02 * normal(random);
          if (spec.keypointDims === 3) blobs[level][at + 2] = 6 * random() - 2;
        }
      }
    }
  }
  return blobs;
}
