import { assertEquals } from "@std/assert";
import { newestCalibration, saveCalibration } from "./calibrations.ts";
import { openDatabase } from "./open_store.ts";

const KEY = {
  device: "R5CT10",
  buildFingerprint: "samsung/x/1",
  settings: { threads: 4, powersave: 2, coreMask: null, turns: null },
  workload: { variantId: "a", warmup: 3, iterations: 10, images: 8 },
};
const BLOCKS = [0.01, -0.02, 0.01, 0, 0.02, -0.01, 0.01, -0.01].map((value) => [value, -value]);

Deno.test("newestCalibration() gives the newest when a device was calibrated twice", async () => {
  await using history = await openDatabase(":memory:", "--history");
  const calibration = (createdAt: string) => ({
    createdAt,
    secondsPerBlock: 3.5,
    blocks: { "total.p50": BLOCKS },
  });
  await saveCalibration(history, KEY, calibration("2026-01-02T00:00:00Z"));
  await saveCalibration(history, KEY, calibration("2026-01-01T00:00:00Z"));
  assertEquals(await newestCalibration(history, KEY), {
    ...calibration("2026-01-02T00:00:00Z"),
    isOfWorkload: true,
  });
});

Deno.test("newestCalibration() is null when device, build, threads or cores are others", async () => {
  await using history = await openDatabase(":memory:", "--history");
  await saveCalibration(history, KEY, { createdAt: "t", secondsPerBlock: 1, blocks: {} });
  const settings = KEY.settings;
  assertEquals(await newestCalibration(history, { ...KEY, device: "host" }), null);
  assertEquals(await newestCalibration(history, { ...KEY, buildFingerprint: null }), null);
  assertEquals(
    await newestCalibration(history, { ...KEY, settings: { ...settings, threads: 2 } }),
    null,
  );
  const masked = { ...KEY, settings: { ...settings, coreMask: "f0" } };
  assertEquals(await newestCalibration(history, masked), null);
});

Deno.test("newestCalibration() prefers the same workload, and tells when it is another", async () => {
  await using history = await openDatabase(":memory:", "--history");
  const at = (createdAt: string, secondsPerBlock: number) => ({
    createdAt,
    secondsPerBlock,
    blocks: {},
  });
  await saveCalibration(history, KEY, at("2026-02-01T00:00:00Z", 1));
  const other = { ...KEY, workload: { ...KEY.workload, variantId: "b" } };
  await saveCalibration(history, other, at("2026-03-01T00:00:00Z", 2));
  const found = async (key: typeof KEY) => {
    const { secondsPerBlock, isOfWorkload } = (await newestCalibration(history, key))!;
    return [secondsPerBlock, isOfWorkload];
  };
  assertEquals([await found(KEY), await found(other)], [[1, true], [2, true]]);
  for (const change of [{ variantId: "c" }, { iterations: 99 }, { warmup: 0 }, { images: 1 }]) {
    assertEquals(await found({ ...KEY, workload: { ...KEY.workload, ...change } }), [2, false]);
  }
  // one of before workloads were kept
  await saveCalibration(history, { ...KEY, workload: null }, at("2026-04-01T00:00:00Z", 3));
  assertEquals(await found(KEY), [1, true]);
  assertEquals(await found({ ...KEY, workload: { ...KEY.workload, images: 1 } }), [3, false]);
});
