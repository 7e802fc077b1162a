/**
 * Launches by turns made to measure, for tests.
 *
 * @module
 */
import type { TurnsRecord } from "../../record/records.ts";
import { type LaunchFixture, launchFixture } from "./launch_fixture.ts";

/** Total time of each contestant of a shared launch, nanoseconds, in the order of loading. */
export type TurnTimes = Record<string, number>;

/** Returns the records of a shared launch on one image. */
export function turnsFixture(
  round: number,
  times: TurnTimes,
  change: Omit<Partial<LaunchFixture>, "totalNs" | "variantId" | "round"> & { group?: number } = {},
): TurnsRecord[] {
  const { group = 0, ...rest } = change;
  const contestants = Object.keys(times);
  return contestants.map((variantId, position): TurnsRecord => {
    const totalNs = [times[variantId]];
    const launch = launchFixture({ ...rest, variantId, round, position, totalNs });
    return {
      ...launch,
      kind: "turns",
      end: { ...launch.end, peakRssBytes: null },
      turns: {
        launch: `turns${round}-${group}`,
        contestants,
        unmeasured: 1,
        firstStep: 0,
        turnOfImage: [position],
        peakRssBytes: 100_000_000,
      },
    };
  });
}
