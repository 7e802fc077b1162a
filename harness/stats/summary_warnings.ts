/**
 * What makes the figures of a variant less than trustworthy, said as warnings with advice.
 *
 * @module
 */
import type { Warning } from "../errors.ts";
import type { LaunchRecord } from "../record/records.ts";
import { CONFIDENCE_LEVEL, fewestForSignedRank } from "./interval.ts";
import { median, medianAbsoluteDeviation } from "./quantile.ts";
import { pairedRatio } from "./ratio.ts";
import { launchQuantileNs, launchSamplesNs } from "./round.ts";

/** Fewest samples for which p99 is more than the largest of them: one in a hundred. */
const FEWEST_FOR_P99 = 100;
/** Spread of the samples within rounds (MAD over median) from which a run counts as noisy. */
const NOISY_SPREAD = 0.05;
/** Marks of a launch that ran hot; they stay in the figures. */
export const HEAT_MARKS: readonly string[] = ["throttled", "hot-start", "unpinned"];

/** What the warnings of a variant are judged by. */
export interface WarningInput {
  /** Launches of the variant in order of the rounds, at least one. */
  launches: readonly LaunchRecord[];
  /** Launches of the base; empty when it did not run. */
  baseLaunches: readonly LaunchRecord[];
  baseVariantId: string;
  /** Launches that were superseded by a later one of the same round. */
  repeatCount: number;
  /** Launches that the variant shared with others. */
  turnCount: number;
}

/** Returns the warnings for one variant; empty when nothing is to be said. */
export function variantWarnings(input: WarningInput): Warning[] {
  return [
    fewRounds(input),
    missingRounds(input),
    repeatedLaunches(input),
    fewSamples(input),
    noisy(input),
    heat(input),
  ].filter((warning) => warning !== null);
}

function fewRounds({ launches, turnCount }: WarningInput): Warning | null {
  const wanted = fewestForSignedRank(CONFIDENCE_LEVEL);
  // ratios are told by turns, and a few launches alone tell the level of all
  if (launches.length >= wanted || (launches.length > 1 && turnCount >= wanted)) return null;
  return {
    code: "few-rounds",
    message: launches.length === 1
      ? "One round only: there is no confidence interval."
      : `${launches.length} rounds only: the confidence interval is wide and takes the noise for normal.`,
    advice: `Run at least ${wanted} rounds (--rounds).`,
  };
}

function missingRounds({ launches, baseLaunches, baseVariantId }: WarningInput): Warning | null {
  const own = new Set(launches.map((launch) => launch.round));
  const missing = baseLaunches.filter((launch) => !own.has(launch.round)).length;
  if (missing === 0) return null;
  return {
    code: "missing-rounds",
    message:
      `${missing} of the ${baseLaunches.length} rounds of "${baseVariantId}" lack this variant.`,
    advice: "See the failures of the run; --resume runs what is missing.",
  };
}

function repeatedLaunches({ repeatCount }: WarningInput): Warning | null {
  if (repeatCount === 0) return null;
  return {
    code: "repeated-launch",
    message: `${repeatCount} launches were run again in the same round; the last one counts.`,
    advice: "Nothing to do after an interrupted run; otherwise look for a record that was copied.",
  };
}

function fewSamples({ launches }: WarningInput): Warning | null {
  const count = launches.reduce((n, launch) => n + launchSamplesNs(launch, "total").length, 0);
  if (count >= FEWEST_FOR_P99) return null;
  return {
    code: "few-samples",
    message: `${count} samples: p99 is hardly more than the slowest of them.`,
    advice: `Take at least ${FEWEST_FOR_P99} samples (--rounds times --iterations times images).`,
  };
}

function noisy({ launches }: WarningInput): Warning | null {
  const spread = median(launches.map((launch) =>
    median(
      launch.images.filter((image) => image.samplesNs.total.length > 0).map((image) =>
        medianAbsoluteDeviation(image.samplesNs.total) / median(image.samplesNs.total)
      ),
    )
  ));
  if (!(spread > NOISY_SPREAD)) return null;
  return {
    code: "noisy",
    message: `Noisy: the samples of a round spread by ${percent(spread)} (MAD over median).`,
    advice: "Stop other work on the device, check charging and screen, and run again.",
  };
}

function heat({ launches, baseLaunches, baseVariantId }: WarningInput): Warning | null {
  const hot = launches.filter(isHot);
  if (hot.length === 0) return null;
  const hotRounds = new Set([...launches, ...baseLaunches].filter(isHot).map((l) => l.round));
  const cool = (list: readonly LaunchRecord[]) =>
    new Map(
      list.filter((launch) => !hotRounds.has(launch.round)).map((
        launch,
      ) => [launch.round, launchQuantileNs(launch, "total", 0.5)]),
    );
  const without = launches[0].variantId === baseVariantId
    ? null
    : pairedRatio(baseVariantId, cool(baseLaunches), cool(launches));
  return {
    code: "throttled",
    message:
      `${hot.length} of ${launches.length} launches ran throttled, started hot or lost their pinned frequency.${
        without === null ? "" : ` Without those rounds the ratio is ${without.value.toFixed(3)}.`
      }`,
    advice: "Let the device cool down and run again; a case or a charger keeps it warm.",
  };
}

function isHot(launch: LaunchRecord): boolean {
  return launch.marks.some((mark) => HEAT_MARKS.includes(mark));
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}
