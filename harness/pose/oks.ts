/**
 * Object keypoint similarity, as in COCO's keypoint evaluation.
 *
 * @module
 */

/**
 * Standard deviations per keypoint relative to the person's scale, in COCO's order (nose, eyes,
 * ears, shoulders, elbows, wrists, hips, knees, ankles). Source: pycocotools `cocoeval.py`,
 * `Params.setKpParams`.
 */
export const COCO_SIGMAS: readonly number[] = [
  0.26,
  0.25,
  0.25,
  0.35,
  0.35,
  0.79,
  0.79,
  0.72,
  0.72,
  0.62,
  0.62,
  1.07,
  1.07,
  0.87,
  0.87,
  0.89,
  0.89,
].map((value) => value / 10);

/**
 * Share of a box that a person's segment covers on average in COCO, by which ultralytics turns a
 * box into the area that OKS needs (`PoseValidator`, `area = box area * 0.53`).
 */
export const SEGMENT_SHARE_OF_BOX = 0.53;

/**
 * Returns the sigmas for that number of keypoints: COCO's for 17, else the same for all, 1/K, as
 * ultralytics does (`np.ones(nkpt) / nkpt`): OKS values of other layouts compare with each other,
 * not with COCO's.
 */
export function sigmasFor(keypointCount: number): readonly number[] {
  return keypointCount === 17 ? COCO_SIGMAS : equalSigmas(keypointCount);
}

/** Returns the same sigma for each of K keypoints, 1/K. */
export function equalSigmas(keypointCount: number): readonly number[] {
  return Array.from({ length: keypointCount }, () => 1 / keypointCount);
}

/**
 * Returns the mean over joints of exp(-d² / (2 · area · (2σ)²)): 1 for equal keypoints, towards 0
 * for far ones; 0 for no joints; NaN when a distance is.
 */
export function oksFromDistances(
  distancesPx: ArrayLike<number>,
  areaPx2: number,
  sigmas: readonly number[],
): number {
  let sum = 0;
  for (let joint = 0; joint < distancesPx.length; joint++) {
    const variance = (2 * sigmas[joint]) ** 2;
    sum += Math.exp(-(distancesPx[joint] ** 2) / variance / (areaPx2 + Number.EPSILON) / 2);
  }
  return distancesPx.length === 0 ? 0 : sum / distancesPx.length;
}
