/**
 * Names of joints.
 *
 * @module
 */

/** COCO's 17 keypoints in order. */
export const COCO_JOINTS: readonly string[] = [
  "nose",
  "left eye",
  "right eye",
  "left ear",
  "right ear",
  "left shoulder",
  "right shoulder",
  "left elbow",
  "right elbow",
  "left wrist",
  "right wrist",
  "left hip",
  "right hip",
  "left knee",
  "right knee",
  "left ankle",
  "right ankle",
];

/** Returns the name of a joint: COCO's where there are 17, else "keypoint 3" (counted from 0). */
export function jointName(joint: number, jointCount: number): string {
  return jointCount === COCO_JOINTS.length ? COCO_JOINTS[joint] : `keypoint ${joint}`;
}
