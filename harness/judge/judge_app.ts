/**
 * What an app wrote of its stages, and the reference → the first stage that differs, and what it
 * looks like.
 *
 * Each stage is fed what the app itself had before it, so that an error is named where it is made.
 * Every known cause is tried out on the reference; the one whose result lies nearest to the app's
 * is named, when it explains far more than no cause does. A stage that the app did not write is
 * bridged: its causes are tried together with those of the next stage that it wrote.
 *
 * @module
 */
import type { AppCase, AppReference, AppStageVerdict, AppVerdict } from "./app.ts";
import type { PeopleOptions } from "./decode_ways.ts";
import { judgeOutputs } from "./judge_outputs.ts";
import { endToEnd, judgePeople } from "./judge_people.ts";
import { judgeImages, judgeInputs } from "./judge_tensors.ts";

/** Returns the judgement of an app by what it wrote. */
export async function judgeApp(
  cases: readonly AppCase[],
  reference: AppReference,
  options: PeopleOptions,
): Promise<AppVerdict> {
  const stages: AppStageVerdict[] = [
    judgeImages(cases),
    judgeInputs(cases, reference),
  ];
  const { verdict, decodedFrom } = await judgeOutputs(cases, reference);
  stages.push(verdict);
  stages.push(...await judgePeople(cases, reference, options, decodedFrom));
  const first = stages.find(({ verdict }) => verdict === "fail");
  return {
    images: cases.length,
    stages,
    firstFailedStage: first?.stage ?? null,
    endToEnd: await endToEnd(cases, reference, options),
  };
}
