/**
 * An app's people against those that follow from what it had before.
 *
 * @module
 */
import type { Detection } from "../record/records.ts";
import {
  type AppCase,
  type AppReference,
  type AppStageVerdict,
  EXPLAINS,
  notWritten,
  pictureOf,
  sizeOf,
  type Suspect,
  TOLD,
} from "./app.ts";
import { type AppStage, type Cause, FEEDING_CAUSES, feedingOf, WAY_CAUSES } from "./causes.ts";
import { peopleOf, type PeopleOptions } from "./decode_ways.ts";
import { type PeopleDistance, peopleDistance } from "./distance.ts";
import { CLEAN_FEEDING, type Fed, feed } from "./feed.ts";
import type { DecodedFrom } from "./judge_outputs.ts";

/** Largest distance of people that 16 bits and rounding explain. */
const PEOPLE = 1;

/** Returns the verdicts on what lies between the app's outputs and its people. */
export async function judgePeople(
  cases: readonly AppCase[],
  reference: AppReference,
  options: PeopleOptions,
  decodedFrom: DecodedFrom,
): Promise<AppStageVerdict[]> {
  const written = cases.filter(({ dump }) => dump.people !== null);
  if (written.length === 0) {
    return (["decode", "nms", "back"] as const).map((stage) => notWritten(stage, "people"));
  }
  const isBridged = written.every(({ dump }) => dump.input === null && dump.outputs.size === 0);
  const known = new Map<AppCase, Known>();
  for (const each of written) known.set(each, await knownOf(each, reference, decodedFrom));
  const distanceWith = async (cause: Pick<Cause, "feeding" | "way">): Promise<PeopleDistance> => {
    const distances: PeopleDistance[] = [];
    for (const each of written) {
      const people = await peopleWith(each, known.get(each)!, cause, reference, options);
      distances.push(peopleDistance(people, each.dump.people!, { ...borderOf(options) }));
    }
    return pooled(distances);
  };
  const clean = await distanceWith({});
  if (clean.cost <= PEOPLE) {
    return (["decode", "nms", "back"] as const).map((stage) => ({
      stage,
      verdict: "pass",
      reason: `the app's people follow from ${
        isBridged ? "the pictures" : "its own outputs"
      }: joints differ by ${clean.medianPx.toFixed(2)} px in the median`,
      suspects: [],
    }));
  }
  const causes = isBridged ? [...FEEDING_CAUSES, ...WAY_CAUSES] : WAY_CAUSES;
  const suspects: Suspect[] = [];
  for (const cause of causes) {
    const { cost } = await distanceWith(cause);
    const { name, stage, text } = cause;
    suspects.push({ name, stage, text, distance: cost });
  }
  const stale = staleDistance(written, known, reference, options);
  if (stale !== null) suspects.push(stale);
  suspects.sort((a, b) => a.distance - b.distance);
  const [best] = suspects;
  const isNamed = best.distance <= EXPLAINS * clean.cost;
  const isOfPeople = best.stage !== "preprocess" && best.stage !== "network";
  const failed: AppStage = isNamed && isOfPeople ? best.stage : "decode";
  const facts =
    `${clean.pairs} people are paired, ${clean.unmatched} stand alone, joints differ by ${
      clean.medianPx.toFixed(1)
    } px in the median and ${clean.largestPx.toFixed(1)} px at most`;
  const reason = isNamed
    ? `${best.text}: with that the reference's people fit the app's (${facts} without)`
    : `the app's people differ from the reference's, and no known cause explains it: ${facts}`;
  return (["decode", "nms", "back"] as const).map((stage): AppStageVerdict =>
    stage === failed
      ? {
        stage,
        verdict: "fail",
        reason,
        suspects: suspects.slice(0, TOLD),
      }
      : {
        stage,
        verdict: "not-written",
        reason: `it is judged together with ${failed}: only the people after it were written`,
        suspects: [],
      }
  );
}

/** Returns how far the people are from those of the first picture; null for one picture. */
function staleDistance(
  written: readonly AppCase[],
  known: ReadonlyMap<AppCase, Known>,
  { raw }: AppReference,
  options: PeopleOptions,
): Suspect | null {
  if (written.length < 2) return null;
  const { blobs } = known.get(written[0])!;
  const distances = written.map((each) => {
    const people = peopleOf(raw, blobs, known.get(each)!.clean.geometry, options);
    return peopleDistance(people, each.dump.people!, borderOf(options));
  });
  return {
    name: "stale-outputs",
    stage: "network",
    text: "the outputs of the first picture come back for every one",
    distance: pooled(distances).cost,
  };
}

/** What does not change from cause to cause: how a picture is fed rightly, and its blobs. */
interface Known {
  clean: Fed;
  /** Of the app's own tensor, or of the clean one. */
  blobs: Float32Array[];
}

async function knownOf(
  each: AppCase,
  reference: AppReference,
  decodedFrom: DecodedFrom,
): Promise<Known> {
  const size = sizeOf(each, reference);
  const clean = feed(pictureOf(each), size, CLEAN_FEEDING);
  const blobs = decodedFrom.get(each.dump.imageId) ??
    await reference.blobs(each.dump.input?.values ?? clean.tensor, size);
  return { clean, blobs };
}

/** Returns the people that the reference gives with a cause, from what the app wrote before. */
async function peopleWith(
  each: AppCase,
  { clean, blobs }: Known,
  { feeding, way }: Pick<Cause, "feeding" | "way">,
  reference: AppReference,
  options: PeopleOptions,
): Promise<Detection[]> {
  if (feeding === undefined) return peopleOf(reference.raw, blobs, clean.geometry, options, way);
  const size = sizeOf(each, reference);
  const fed = feed(pictureOf(each), size, feedingOf({ feeding }));
  // an app that feeds otherwise mostly believes that it does not: the way back is the clean one,
  // unless the picture lies elsewhere
  const isElsewhere = feeding.place !== undefined && !feeding.place.startsWith("one-");
  const own = await reference.blobs(fed.tensor, size);
  const { geometry } = isElsewhere ? fed : clean;
  return peopleOf(reference.raw, own, geometry, options, way);
}

/** Returns how far the app's people are from the reference's on the pictures; null without any. */
export async function endToEnd(
  cases: readonly AppCase[],
  reference: AppReference,
  options: PeopleOptions,
): Promise<PeopleDistance | null> {
  const distances: PeopleDistance[] = [];
  for (const each of cases) {
    if (each.dump.people === null) continue;
    const size = sizeOf(each, reference);
    const { tensor, geometry } = feed(each.image, size, CLEAN_FEEDING);
    const people = peopleOf(reference.raw, await reference.blobs(tensor, size), geometry, options);
    distances.push(peopleDistance(people, each.dump.people, borderOf(options)));
  }
  return distances.length === 0 ? null : pooled(distances);
}

/** Scores this near to the threshold may fall on either side in 16 bits. */
function borderOf({ scoreThreshold }: PeopleOptions): { threshold: number; border: number } {
  return { threshold: scoreThreshold, border: 0.03 };
}

function pooled(distances: readonly PeopleDistance[]): PeopleDistance {
  const people = distances.map(({ pairs, unmatched }) => pairs + unmatched);
  const total = people.reduce((sum, count) => sum + count, 0);
  const weighted = distances.reduce((sum, { cost }, i) => sum + cost * people[i], 0);
  const medians = distances.filter(({ pairs }) => pairs > 0).map(({ medianPx }) => medianPx)
    .sort((a, b) => a - b);
  return {
    cost: total === 0 ? 0 : weighted / total,
    medianPx: medians[medians.length >> 1] ?? 0,
    largestPx: Math.max(0, ...distances.map(({ largestPx }) => largestPx)),
    unmatched: distances.reduce((sum, { unmatched }) => sum + unmatched, 0),
    pairs: distances.reduce((sum, { pairs }) => sum + pairs, 0),
  };
}
