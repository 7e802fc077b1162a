/**
 * A device in memory whose launches print what a runner prints, for tests of the sessions.
 *
 * @module
 */
import type { Device, Launch } from "../../device/device.ts";
import { type DeviceDescription, type DeviceState, unknownState } from "../../record/device.ts";
import { HarnessError } from "../../errors.ts";
import { deviceFixture } from "../../gate/testdata/gate_fixture.ts";
import { launchFixture } from "../../stats/testdata/launch_fixture.ts";
import { fnv1a64 } from "../../record/runner_lines.ts";

/** How a fake device behaves. */
export interface FakeBehaviour {
  description?: Partial<DeviceDescription>;
  state?: Partial<DeviceState>;
  /** Samples of a launch's total, nanoseconds; throws to let it fail. */
  totalNs(launch: Launch, count: number): number[];
  /** Width of the network's input, pixels. */
  inputWidthPx?(launch: Launch): number;
  /** Largest memory of a launch, bytes; 50 MB when absent. */
  peakRssBytes?(launch: Launch): number;
}

/** A fake device and what was done with it. */
export interface FakeDevice {
  device: Device;
  description: DeviceDescription;
  launches: Launch[];
  removedFolders: string[];
}

/**
 * Returns the launches of one contestant each that a launch is made of: itself, or the rows of the
 * file of a shared one as if each had been launched alone.
 */
export function contestantsOf(launch: Launch, files: ReadonlyMap<string, string>): Launch[] {
  const { command } = launch;
  if (command[1] !== "turns") return [launch];
  const text = files.get(command[command.indexOf("--contestants") + 1])!;
  return text.trimEnd().split("\n").map((row) => {
    const [, ...words] = row.split("\t");
    return { ...launch, command: [command[0], "run", ...words] };
  });
}

/** Returns the lines of a shared launch but its end: by turns on the one image. */
function turnsLines(parts: readonly { runner: unknown; images: readonly unknown[] }[]): unknown[] {
  const counts = { contestantCount: parts.length, unmeasured: 1, measured: 1, firstStep: 0 };
  return [
    { kind: "turns", ...counts },
    ...parts.map(({ runner }, contestant) => ({ ...runner as object, contestant })),
    ...parts.map(({ images: [image] }, contestant) => ({
      ...image as object,
      contestant,
      turn: contestant,
    })),
  ];
}

/** Returns a device that runs one image, `image0`. */
export function fakeDevice(behaviour: FakeBehaviour): FakeDevice {
  const description = { ...deviceFixture("fake"), ...behaviour.description };
  const launches: Launch[] = [];
  const files = new Map<string, string>();
  const removedFolders: string[] = [];
  const none = () => Promise.resolve();
  const device: Device = {
    serial: description.serial,
    describe: () => Promise.resolve(description),
    state: () =>
      Promise.resolve({ ...unknownState("2026-01-01T00:00:00.000Z"), ...behaviour.state }),
    frequencyCapsKHz: () => null,
    push: (file) => Promise.resolve(file),
    drop: none,
    pushTo: async (local, onDevice) => void files.set(onDevice, await Deno.readTextFile(local)),
    pull: none,
    runDir: (runId) => Promise.resolve(`/fake/${runId}`),
    run: () => Promise.resolve({ exitCode: 0, stdout: "", stderr: "" }),
    launch(launch) {
      launches.push(launch);
      const contestants = contestantsOf(launch, files);
      const isShared = launch.command[1] === "turns";
      const parts = contestants.map((each) => {
        const totalNs = behaviour.totalNs(each, launches.length);
        return launchFixture({
          variantId: "any",
          round: 0,
          totalNs: isShared ? totalNs.slice(0, 1) : totalNs,
          inputWidthPx: [behaviour.inputWidthPx?.(each) ?? 640],
          testBuild: contestants.some(({ command }) => command.includes("--inject-slowdown")),
          peakRssBytes: behaviour.peakRssBytes?.(each),
        });
      });
      const [{ runner, images, end }] = parts;
      const lines = isShared ? turnsLines(parts) : [runner, ...images];
      const body = lines.map((line) => JSON.stringify(line) + "\n").join("");
      const hash = fnv1a64(new TextEncoder().encode(body));
      const stdout = body + JSON.stringify({ ...end, fnv1a64: hash }) + "\n";
      return Promise.resolve({ exitCode: 0, stdout, stderr: "" });
    },
    removeRunDir(folder) {
      removedFolders.push(folder);
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: none,
  };
  return { device, description, launches, removedFolders };
}

/** Returns what a launch that was killed throws. */
export function killed(): HarnessError {
  return new HarnessError("runner-failed", "Cannot run it: the runner was killed", {
    stderrTail: ["Killed"],
  });
}
