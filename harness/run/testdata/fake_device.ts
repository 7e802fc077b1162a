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
}

/** A fake device and what was done with it. */
export interface FakeDevice {
  device: Device;
  description: DeviceDescription;
  launches: Launch[];
  removedFolders: string[];
}

/** Returns a device that runs one image, `image0`. */
export function fakeDevice(behaviour: FakeBehaviour): FakeDevice {
  const description = { ...deviceFixture("fake"), ...behaviour.description };
  const launches: Launch[] = [];
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
    pushTo: none,
    pull: none,
    runDir: (runId) => Promise.resolve(`/fake/${runId}`),
    run: () => Promise.resolve({ exitCode: 0, stdout: "", stderr: "" }),
    launch(launch) {
      launches.push(launch);
      const totalNs = behaviour.totalNs(launch, launches.length);
      const { runner, images, end } = launchFixture({
        variantId: "any",
        round: 0,
        totalNs,
        inputWidthPx: [behaviour.inputWidthPx?.(launch) ?? 640],
        testBuild: launch.command.includes("--inject-slowdown"),
      });
      const body = [runner, ...images].map((line) => JSON.stringify(line) + "\n").join("");
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
