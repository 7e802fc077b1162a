/**
 * Heat: when a device is cool enough to start, how long to wait for it, and when a launch was
 * throttled.
 *
 * The decisions are pure; {@linkcode waitUntilCool} is the loop around them, with clock and pause
 * handed in. Without root nobody can switch thermal control off: so wait, watch, and mark what was
 * not like the rest.
 *
 * @module
 */
import type { DeviceDescription, DeviceState } from "../record/device.ts";
import { HarnessError, type Warning } from "../errors.ts";

/** When a device counts as cool, and how long to wait. */
export interface CoolRules {
  /** Battery at most this warm, degrees Celsius. */
  batteryMaxC: number;
  /** Every zone at most this much warmer than at the baseline, degrees. */
  zoneMarginC: number;
  /** Longest wait, milliseconds. */
  limitMs: number;
  /** Pause between two looks, milliseconds. */
  pauseMs: number;
}

/**
 * The rules that runs use. 36 °C: above it, phones begin to charge and clock slower; 8 degrees: a
 * core's sensor is that much warmer seconds after work, the case is not.
 */
export const COOL_RULES: CoolRules = {
  batteryMaxC: 36,
  zoneMarginC: 8,
  limitMs: 300_000,
  pauseMs: 5_000,
};

/**
 * Returns why a device is not cool, one reason with numbers each; empty when it is, or when it
 * tells nothing (see {@linkcode heatSources}).
 *
 * @param baseline state of the device at rest, before the first round; null compares no zones
 */
export function heatReasons(
  state: DeviceState,
  baseline: DeviceState | null,
  rules: CoolRules = COOL_RULES,
): string[] {
  const reasons: string[] = [];
  if (state.thermalStatus !== null && state.thermalStatus > 0) {
    reasons.push(`thermal status is ${statusName(state.thermalStatus)}, expected none`);
  }
  if (state.batteryTempC !== null && state.batteryTempC > rules.batteryMaxC) {
    reasons.push(`battery at ${state.batteryTempC} °C, expected at most ${rules.batteryMaxC} °C`);
  }
  // A weak power supply does not get better by waiting.
  const hot = state.firmwareThrottling?.now.filter((reason) => reason !== "under-voltage") ?? [];
  if (hot.length > 0) reasons.push(`the firmware slows the CPU down (${hot.join(", ")})`);
  for (const { zone, tempC } of state.temperatures) {
    const atRest = baseline?.temperatures.find((other) => other.zone === zone)?.tempC;
    if (atRest === undefined || tempC <= atRest + rules.zoneMarginC) continue;
    reasons.push(
      `zone ${zone} at ${tempC} °C, expected at most ${round(atRest + rules.zoneMarginC)} °C (${
        round(atRest)
      } °C at rest)`,
    );
  }
  return reasons;
}

/**
 * Returns the sources of heat that a state has: `status`, `battery`, `zones`; empty when nothing
 * could be read.
 */
export function heatSources(state: DeviceState): ("status" | "battery" | "zones")[] {
  const sources: ("status" | "battery" | "zones")[] = [];
  if (state.thermalStatus !== null) sources.push("status");
  if (state.batteryTempC !== null) sources.push("battery");
  if (state.temperatures.length > 0) sources.push("zones");
  return sources;
}

/**
 * Returns the warning about a device that heats up and tells nothing of it; null when it does, or
 * has a fan.
 */
export function heatWarning(
  description: Pick<DeviceDescription, "serial" | "passivelyCooled">,
  state: DeviceState,
): Warning | null {
  if (!description.passivelyCooled || heatSources(state).length > 0) return null;
  return {
    code: "heat-unknown",
    message: `${description.serial}: neither thermal status nor any temperature can be read`,
    advice: "Let the device rest between runs, and read the rounds' times for a drift.",
  };
}

/** Why a launch is not like the rest. */
export interface HeatMark {
  mark: "throttled" | "hot-start" | "unpinned";
  /** With numbers, for people. */
  reason: string;
}

/**
 * Returns the marks of a launch from the states around it; empty when nothing speaks against it.
 *
 * Throttled: any thermal status above none during it (Android 10 and newer,
 * `PowerManager.THERMAL_STATUS_NONE`), a core whose highest allowed frequency is below what it
 * should be (its own maximum, or the pinned one), or a reason of a Raspberry Pi's firmware.
 * Unpinned: it is above the pinned one.
 *
 * @param expectedCapsKHz highest frequency per core where it was pinned; null takes the cores'
 * maxima
 */
export function throttleMarks(
  before: DeviceState | null,
  after: DeviceState | null,
  description: Pick<DeviceDescription, "cores">,
  expectedCapsKHz: readonly (number | null)[] | null = null,
): HeatMark[] {
  const marks: HeatMark[] = [];
  const known = before?.firmwareThrottling?.sinceBoot;
  const met = known === undefined
    ? []
    : after?.firmwareThrottling?.sinceBoot.filter((reason) => !known.includes(reason)) ?? [];
  if (met.length > 0) {
    marks.push({
      mark: "throttled",
      reason: `the firmware slowed the CPU down during the launch: ${met.join(", ")}`,
    });
  }
  for (const [when, state] of [["before", before], ["after", after]] as const) {
    if (state === null) continue;
    if (state.thermalStatus !== null && state.thermalStatus > 0) {
      marks.push({
        mark: "throttled",
        reason: `thermal status ${statusName(state.thermalStatus)} ${when} the launch`,
      });
    }
    const reasons = state.firmwareThrottling?.now ?? [];
    if (reasons.length > 0) {
      marks.push({
        mark: "throttled",
        reason: `the firmware slows the CPU down ${when} the launch: ${reasons.join(", ")}`,
      });
    }
    const capped: string[] = [];
    const loose: string[] = [];
    state.frequencyCapsKHz?.forEach((cap, index) => {
      const expected = expectedCapsKHz !== null
        ? expectedCapsKHz[index]
        : description.cores.find((core) => core.index === index)?.maxFrequencyKHz;
      if (cap === null || expected === null || expected === undefined || cap === expected) return;
      const text = `CPU ${index} at ${Math.round(cap / 1000)} of ${
        Math.round(expected / 1000)
      } MHz`;
      if (cap < expected) capped.push(text);
      else if (expectedCapsKHz !== null) loose.push(text);
    });
    if (loose.length > 0) {
      marks.push({
        mark: "unpinned",
        reason: `frequency no longer pinned ${when} the launch: ${loose.join(", ")}`,
      });
    }
    if (capped.length > 0) {
      marks.push({
        mark: "throttled",
        reason: `frequency capped ${when} the launch: ${capped.join(", ")}`,
      });
    }
  }
  return marks;
}

/** What a wait found. */
export interface CoolDown {
  /** The last state that was read. */
  state: DeviceState;
  waitedMs: number;
  /** `hot-start`, with reasons, when the limit was reached first; empty when the device is cool. */
  marks: HeatMark[];
}

/** What the waiting loop needs of the world. */
export interface Waiting {
  /** Monotonic clock, milliseconds. */
  nowMs(): number;
  sleep(ms: number): Promise<void>;
  /** Called once with a sentence when there is something to wait for. */
  tell?(message: string): void;
  signal?: AbortSignal;
}

/** Returns the world as it is. */
export function realWaiting(
  options: { tell?: (message: string) => void; signal?: AbortSignal } = {},
): Waiting {
  return {
    nowMs: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    ...options,
  };
}

/**
 * Waits until a device is cool, at most for `rules.limitMs`, and returns its last state; when it
 * did not become cool, with the mark `hot-start`.
 *
 * Throws `interrupted` when the signal aborts, and what reading the state throws.
 */
export async function waitUntilCool(
  device: { serial: string; state(): Promise<DeviceState> },
  baseline: DeviceState | null,
  rules: CoolRules = COOL_RULES,
  waiting: Waiting = realWaiting(),
): Promise<CoolDown> {
  const beganMs = waiting.nowMs();
  let told = false;
  for (;;) {
    if (waiting.signal?.aborted) {
      throw new HarnessError(
        "interrupted",
        `Cannot wait until device "${device.serial}" is cool: interrupted`,
      );
    }
    const state = await device.state();
    const reasons = heatReasons(state, baseline, rules);
    const waitedMs = waiting.nowMs() - beganMs;
    if (reasons.length === 0) return { state, waitedMs, marks: [] };
    const leftMs = rules.limitMs - waitedMs;
    if (leftMs <= 0) {
      const reason = `not cool after ${Math.round(waitedMs / 1000)} s: ${reasons.join("; ")}`;
      return { state, waitedMs, marks: [{ mark: "hot-start", reason }] };
    }
    if (!told) {
      waiting.tell?.(
        `${device.serial}: waits until it is cool, at most ${Math.round(rules.limitMs / 1000)} s: ${
          reasons.join("; ")
        }`,
      );
    }
    told = true;
    await waiting.sleep(Math.min(rules.pauseMs, leftMs));
  }
}

/** A device's launches, each begun cool. */
export interface CoolLaunches {
  /** The state before the first launch. */
  atRest: DeviceState;
  /**
   * Waits until the device is cool and returns the state from which the launch starts, with its
   * marks and their reasons in words.
   */
  beforeLaunch(): Promise<{ state: DeviceState; marks: HeatMark["mark"][]; reasons: string[] }>;
  /**
   * Hears the state after a launch: the next one starts from it when it is still fresh, since
   * reading it again takes as long as a short launch.
   */
  afterLaunch(state: DeviceState): void;
}

/** Age until which a state counts as the present one, milliseconds. */
const FRESH_MS = 1000;

/**
 * Returns the launches of a device that is at rest now. Its zones are compared with those of the
 * first state in which it was cool.
 *
 * Throws what reading the state throws.
 *
 * @param limitMs longest wait before a launch
 */
export async function coolLaunches(
  device: { serial: string; state(): Promise<DeviceState> },
  limitMs: number,
  waiting: Waiting = realWaiting(),
): Promise<CoolLaunches> {
  const rules = { ...COOL_RULES, limitMs };
  const atRest = await device.state();
  let baseline: DeviceState | null = null;
  let recent: { state: DeviceState; atMs: number } | null = null;
  const afterLaunch = (state: DeviceState) => {
    recent = { state, atMs: waiting.nowMs() };
  };
  afterLaunch(atRest);
  const readState = () => {
    const known = recent;
    recent = null;
    return known !== null && waiting.nowMs() - known.atMs < FRESH_MS
      ? Promise.resolve(known.state)
      : device.state();
  };
  return {
    atRest,
    afterLaunch,
    async beforeLaunch() {
      const looked = { serial: device.serial, state: readState };
      const { state, marks } = await waitUntilCool(looked, baseline, rules, waiting);
      if (marks.length === 0) baseline ??= state;
      return {
        state,
        marks: marks.map(({ mark }) => mark),
        reasons: marks.map(({ reason }) => reason),
      };
    },
  };
}

/** Names of Android's thermal status (`PowerManager.THERMAL_STATUS_*`). */
const STATUS_NAMES = ["none", "light", "moderate", "severe", "critical", "emergency", "shutdown"];

/** Returns a thermal status as name and number. */
function statusName(status: number): string {
  return `${STATUS_NAMES[status] ?? "unknown"} (${status})`;
}

/** Returns degrees with one digit. */
function round(tempC: number): number {
  return Math.round(tempC * 10) / 10;
}
