import { assertEquals, assertThrows } from "@std/assert";
import { deviceNoise } from "../stats/detectable.ts";
import { calibratedNoise, newestCalibration, saveCalibration } from "./calibrations.ts";
import { openHistoryDatabase } from "./history_database.ts";

const KEY = {
  device: "R5CT10",
  buildFingerprint: "samsung/x/1",
  settings: { threads: 4, powersave: 2, coreMask: null },
  workload: { variantId: "a", warmup: 3, iterations: 10, images: 8 },
};
const BLOCKS = [0.01, -0.02, 0.01, 0, 0.02, -0.01, 0.01, -0.01].map((value) => [value, -value]);

Deno.test("newestCalibration() gives the newest when a device was calibrated twice", () => {
  using history = openHistoryDatabase(":memory:");
  const calibration = (createdAt: string) => ({
    createdAt,
    secondsPerBlock: 3.5,
    blocks: { "total.p50": BLOCKS },
  });
  saveCalibration(history, KEY, calibration("2026-01-02T00:00:00Z"));
  saveCalibration(history, KEY, calibration("2026-01-01T00:00:00Z"));
  assertEquals(newestCalibration(history, KEY), {
    ...calibration("2026-01-02T00:00:00Z"),
    isOfWorkload: true,
  });
});

Deno.test("newestCalibration() is null when device, build, threads or cores are others", () => {
  using history = openHistoryDatabase(":memory:");
  saveCalibration(history, KEY, { createdAt: "t", secondsPerBlock: 1, blocks: {} });
  const settings = KEY.settings;
  assertEquals(newestCalibration(history, { ...KEY, device: "host" }), null);
  assertEquals(newestCalibration(history, { ...KEY, buildFingerprint: null }), null);
  assertEquals(newestCalibration(history, { ...KEY, settings: { ...settings, threads: 2 } }), null);
  const masked = { ...KEY, settings: { ...settings, coreMask: "f0" } };
  assertEquals(newestCalibration(history, masked), null);
});

Deno.test("newestCalibration() prefers the same workload, and tells when it is another", () => {
  using history = openHistoryDatabase(":memory:");
  const at = (createdAt: string, secondsPerBlock: number) => ({
    createdAt,
    secondsPerBlock,
    blocks: {},
  });
  saveCalibration(history, KEY, at("2026-02-01T00:00:00Z", 1));
  const other = { ...KEY, workload: { ...KEY.workload, variantId: "b" } };
  saveCalibration(history, other, at("2026-03-01T00:00:00Z", 2));
  const found = (key: typeof KEY) => {
    const { secondsPerBlock, isOfWorkload } = newestCalibration(history, key)!;
    return [secondsPerBlock, isOfWorkload];
  };
  assertEquals([found(KEY), found(other)], [[1, true], [2, true]]);
  for (const change of [{ variantId: "c" }, { iterations: 99 }, { warmup: 0 }, { images: 1 }]) {
    assertEquals(found({ ...KEY, workload: { ...KEY.workload, ...change } }), [2, false]);
  }
  // a row of before workloads were kept
  history.sql.prepare("INSERT INTO calibrations VALUES (?, ?, ?, '2026-04-01', 3, '{}')").run(
    KEY.device,
    KEY.buildFingerprint,
    '{"threads":4,"powersave":2,"coreMask":null}',
  );
  assertEquals(found(KEY), [1, true]);
  assertEquals(found({ ...KEY, workload: { ...KEY.workload, images: 1 } }), [3, false]);
});

Deno.test("calibratedNoise() is the noise of the blocks, and throws when they are few", () => {
  const of = (blocks: number[][]) =>
    calibratedNoise({ createdAt: "t", secondsPerBlock: 1, blocks: { "total.p50": blocks } });
  assertEquals(of(BLOCKS), { "total.p50": deviceNoise(BLOCKS) });
  assertThrows(() => of([[0.1, 0.1]]), RangeError);
});
