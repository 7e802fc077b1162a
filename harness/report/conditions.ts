/**
 * Launches of one device → what it ran with, whether it was hot, and its states (pure).
 *
 * @module
 */
import type { DeviceState } from "../record/device.ts";
import type { AnyLaunch, LaunchRecord, TurnsRecord } from "../record/records.ts";
import { type LaunchState, machineStates } from "../stats/machine_states.ts";
import { launchQuantileNs } from "../stats/round.ts";
import { HEAT_MARKS } from "../stats/summary_warnings.ts";
import type { Report } from "./report_json.ts";

/** The conditions of a device as the report has them, and the speed that each launch met. */
type Conditions = Report["conditions"][number] & { speedOf: Map<LaunchRecord, LaunchState> };

/**
 * Returns the conditions of a device from its launches that are in the figures. Of a launch that
 * variants shared one part stands for all: they met the same state.
 */
export function conditionsOf(
  device: string,
  alone: readonly LaunchRecord[],
  turns: readonly TurnsRecord[] = [],
): Conditions {
  const shared = Map.groupBy(turns, ({ turns: { launch } }) => launch).values()
    .map(([first]) => first).toArray();
  const launches: AnyLaunch[] = [...alone, ...shared];
  const distinct = <T>(read: (launch: AnyLaunch) => T) => [...new Set(launches.map(read))];
  const { stateOf, ...states } = machineStates(launches.map((launch) => ({
    group: `${launch.kind} ${launch.variantId}`,
    atMs: Date.parse(launch.startedAt),
    value: launchQuantileNs(launch, "total", 0.5),
    stealShare: stealShare(launch),
  })));
  return {
    device,
    threads: distinct(({ runner }) => runner.options.threads),
    powersave: distinct(({ runner }) => runner.options.powersave),
    coreMasks: distinct(({ runner }) => runner.options.coreMask),
    ncnnVersions: distinct(({ runner }) => runner.ncnnVersion),
    launches: launches.length,
    heat: heatOf(launches),
    ...states,
    speedOf: new Map(alone.map((launch, i) => [launch, stateOf[i]])),
  };
}

/** Share of the CPUs' time that was stolen during a launch; null where it is not told. */
function stealShare({ stateBefore, stateAfter }: AnyLaunch): number | null {
  const [before, after] = [stateBefore, stateAfter];
  if (before?.uptimeSeconds == null || after?.uptimeSeconds == null) return null;
  if (before.stealSeconds == null || after.stealSeconds == null) return null;
  const cpuSeconds = (after.uptimeSeconds - before.uptimeSeconds) * after.frequenciesKHz.length;
  const stolen = after.stealSeconds - before.stealSeconds;
  // a time that runs backwards: the device was rebooted between the two
  return cpuSeconds > 0 && stolen >= 0 ? Math.min(1, stolen / cpuSeconds) : null;
}

function heatOf(launches: readonly AnyLaunch[]): Conditions["heat"] {
  const states = launches.flatMap(({ stateBefore, stateAfter }) =>
    [stateBefore, stateAfter].filter((state) => state !== null)
  );
  const hotLaunches =
    launches.filter(({ marks }) => marks.some((mark) => HEAT_MARKS.includes(mark))).length;
  const temperatures = states.flatMap((state) => state.temperatures.map(({ tempC }) => tempC));
  const isKnown = states.some(tellsHeat);
  return {
    verdict: hotLaunches > 0 ? "hot" : isKnown ? "cool" : "unknown",
    hottestC: temperatures.length === 0
      ? null
      : temperatures.reduce((most, tempC) => Math.max(most, tempC)),
    hotLaunches,
  };
}

/** Whether a state tells whether heat slows the device: a zone, Android's status, or a cap. */
function tellsHeat({ temperatures, thermalStatus, frequencyCapsKHz }: DeviceState): boolean {
  return temperatures.length > 0 || thermalStatus !== null ||
    (frequencyCapsKHz?.some((cap) => cap !== null) ?? false);
}
