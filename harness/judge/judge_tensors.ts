/**
 * An app's pictures and input tensors against the reference's: pure.
 *
 * @module
 */
import {
  type AppCase,
  type AppReference,
  type AppStageVerdict,
  EXPLAINS,
  meanOf,
  notWritten,
  pictureOf,
  sizeOf,
  type Suspect,
  TOLD,
} from "./app.ts";
import { type AppStage, type Cause, FEEDING_CAUSES, feedingOf } from "./causes.ts";
import { CLEAN_FEEDING, feed } from "./feed.ts";

/** Largest root mean square of levels that decoders, resizers and float16 explain. */
const LEVELS = 2.5;

/** Returns the verdict on the pictures that the app wrote. */
export function judgeImages(cases: readonly AppCase[]): AppStageVerdict {
  const written = cases.filter(({ dump }) => dump.image !== null);
  if (written.length === 0) return notWritten("image", "pictures");
  const turns = FEEDING_CAUSES.filter(({ feeding }) =>
    feeding?.order !== undefined || feeding?.turn !== undefined
  );
  const rmsWith = (cause: Pick<Cause, "feeding">) =>
    meanOf(written.map(({ dump, image }) => {
      const size = { widthPx: dump.image!.widthPx, heightPx: dump.image!.heightPx };
      const { tensor } = feed(image, size, { ...feedingOf(cause), place: "stretched" });
      const own = feed(dump.image!, size, CLEAN_FEEDING).tensor;
      return 255 * rms(tensor, own);
    }));
  return tried("image", rmsWith({}), 3 * LEVELS, turns, rmsWith, {
    pass: "the app's pictures are those of the data set",
    fail: "the app's pictures differ from those of the data set",
    unit: "levels (root mean square)",
  });
}

/** Returns the verdict on the tensors that the app wrote. */
export function judgeInputs(cases: readonly AppCase[], reference: AppReference): AppStageVerdict {
  const written = cases.filter(({ dump }) => dump.input !== null);
  if (written.length === 0) return notWritten("preprocess", "input tensors");
  const rmsWith = (cause: Pick<Cause, "feeding">) =>
    meanOf(written.map((each) => {
      const { tensor } = feed(pictureOf(each), sizeOf(each, reference), feedingOf(cause));
      return 255 * rms(tensor, each.dump.input!.values);
    }));
  const judged = tried("preprocess", rmsWith({}), LEVELS, FEEDING_CAUSES, rmsWith, {
    pass: "the app feeds what the reference feeds",
    fail: "the app feeds another tensor",
    unit: "levels (root mean square)",
  });
  if (judged.verdict === "pass" || judged.suspects.length > 0) return judged;
  if (meanOf(written.map((each) => 255 * rmsWithin(each, reference))) <= LEVELS) {
    const text = "the padding is not 114: it holds something else";
    return {
      ...judged,
      reason: `${text} (inside of the picture nothing differs)`,
      suspects: [{ name: "padding", stage: "preprocess", text, distance: 0 }],
    };
  }
  const stranger = written.find((each) =>
    cases.some((other) =>
      other !== each &&
      255 * rms(
              feed(pictureOf(other), sizeOf(each, reference), CLEAN_FEEDING).tensor,
              each.dump.input!.values,
            ) <= LEVELS
    )
  );
  if (stranger === undefined) return judged;
  const text = "a picture is fed in place of another";
  return {
    ...judged,
    reason: `${text}: the tensor of ${stranger.dump.imageId} is that of another picture`,
    suspects: [{ name: "wrong-image", stage: "preprocess", text, distance: 0 }],
  };
}

/** How far a tensor is from the clean one where the picture lies. */
function rmsWithin(each: AppCase, reference: AppReference): number {
  const size = sizeOf(each, reference);
  const { tensor, geometry } = feed(pictureOf(each), size, CLEAN_FEEDING);
  const { leftPx, topPx, resizedWidthPx, resizedHeightPx } = geometry;
  const isWithin = (_: number, at: number) => {
    const pixel = at % (size.widthPx * size.heightPx);
    const [x, y] = [pixel % size.widthPx - leftPx, Math.floor(pixel / size.widthPx) - topPx];
    return x >= 0 && y >= 0 && x < resizedWidthPx && y < resizedHeightPx;
  };
  return rms(tensor.filter(isWithin), each.dump.input!.values.filter(isWithin));
}

/** Returns the verdict of a stage that is judged by how far tensors are apart. */
function tried(
  stage: AppStage,
  clean: number,
  allowed: number,
  causes: readonly Cause[],
  distanceWith: (cause: Cause) => number,
  words: { pass: string; fail: string; unit: string },
): AppStageVerdict {
  const facts = `${clean.toFixed(2)} ${words.unit}, ${allowed} allowed`;
  if (clean <= allowed) {
    return { stage, verdict: "pass", reason: `${words.pass} (${facts})`, suspects: [] };
  }
  const suspects = causes.map((cause): Suspect => ({
    name: cause.name,
    stage,
    text: cause.text,
    distance: distanceWith(cause),
  })).sort((a, b) => a.distance - b.distance);
  const named = suspects.filter(({ distance }) => distance <= EXPLAINS * clean).slice(0, TOLD);
  return {
    stage,
    verdict: "fail",
    reason: named.length > 0
      ? `${named[0].text} (${facts}; with that ${named[0].distance.toFixed(2)})`
      : `${words.fail}, and no known cause explains it (${facts})`,
    suspects: named,
  };
}

function rms(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity;
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] - b[at]) ** 2;
  return Number.isFinite(sum) ? Math.sqrt(sum / a.length) : Infinity;
}
