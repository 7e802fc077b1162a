/**
 * The judgement of an app as text for people: pure.
 *
 * @module
 */
import type { AppStage } from "./causes.ts";
import type { AppVerdict } from "./app.ts";

const NAMES: Record<AppStage, string> = {
  image: "picture",
  preprocess: "input tensor",
  network: "network",
  decode: "decode",
  nms: "NMS",
  back: "way back",
};

/** Returns the judgement, a line a stage, with the most likely causes. */
export function appVerdictText({ images, stages, firstFailedStage, endToEnd }: AppVerdict): string {
  const lines = [
    firstFailedStage === null
      ? `The app is right where it can be judged: ${images} pictures.`
      : `The app goes wrong at: ${NAMES[firstFailedStage]} (${images} pictures).`,
    "",
  ];
  for (const { stage, verdict, reason, suspects } of stages) {
    lines.push(`${verdict.padEnd(11)}  ${NAMES[stage].padEnd(12)}  ${reason}`);
    if (suspects.length < 2) continue;
    lines.push(
      ...suspects.map(({ text, distance }, i) =>
        `${" ".repeat(27)}${i + 1}. ${text} (leaves ${distance.toFixed(2)})`
      ),
    );
  }
  if (endToEnd !== null) {
    const { medianPx, largestPx, pairs, unmatched } = endToEnd;
    lines.push(
      "",
      `End to end: ${pairs} people paired with the reference's, ${unmatched} without a partner; joints differ by ${
        medianPx.toFixed(2)
      } px in the median, ${largestPx.toFixed(1)} px at most.`,
    );
  }
  return lines.join("\n");
}
