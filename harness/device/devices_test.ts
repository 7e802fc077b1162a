import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { HarnessError } from "../errors.ts";
import type { Target } from "../record/device.ts";
import {
  coresText,
  deviceObstacle,
  type DeviceRow,
  devicesTable,
  listDevices,
  openDevices,
} from "./devices.ts";
import { shellAnswer, startScriptedAdbServer } from "./testdata/scripted_adb_server.ts";
import { parseAndroidDescription } from "./adb/describe.ts";
import { parseAndroidState } from "./adb/state.ts";
import { obstacleOf } from "./adb/words.ts";

const core = (index: number, maxFrequencyKHz: number | null) => ({
  index,
  maxFrequencyKHz,
  minFrequencyKHz: null,
  governor: null,
  part: null,
});

Deno.test("coresText() counts cores by frequency when known, and all otherwise", () => {
  const cores = [core(0, 1_800_000), core(1, 1_800_000), core(2, 2_840_000)];
  assertEquals(coresText({ cores }), "2×1.80 1×2.84 GHz");
  assertEquals(coresText({ cores: [core(0, null), core(1, null)] }), "2");
  assertEquals(coresText({ cores: [] }), "-");
});

Deno.test("deviceObstacle() names what stands in the way, and is null for a device that is ready", () => {
  const sight = {
    description: { abi: "arm64-v8a", emulated: false, target: "aarch64-android" as Target },
    freeBytes: 2 ** 30 as number | null,
    lockedBy: null as string | null,
  };
  assertEquals(deviceObstacle("a", sight), null);
  assertEquals(deviceObstacle("a", { ...sight, freeBytes: null }), null);
  const code = (change: Partial<typeof sight>) =>
    deviceObstacle("a", { ...sight, ...change })?.code;
  assertEquals(code({ lockedBy: "me" }), "device-busy");
  assertEquals(code({ freeBytes: 1 << 20 }), "no-space");
  const { description } = sight;
  const unlike = (change: Partial<typeof description>) =>
    code({ description: { ...description, ...change } });
  assertEquals(unlike({ abi: "armeabi-v7a" }), "device-unsuitable");
  assertEquals(unlike({ abi: "x86_64" }), "device-unsuitable");
  assertEquals(unlike({ abi: "x86_64", target: "x86_64-linux" }), undefined);
  assertEquals(unlike({ emulated: true }), "emulated");
});

Deno.test("devicesTable() shows a row per device and each remedy below", () => {
  const rows: DeviceRow[] = [
    {
      serial: "R5CT10",
      kind: "adb",
      description: {
        ...parseAndroidDescription("R5CT10", ""),
        model: "Phone",
        soc: "QTI SM8550",
        abi: "arm64-v8a",
        cores: [core(0, 2_000_000), core(1, 3_200_000)],
        bigCoreMask: "2",
        memoryBytes: 8 * 2 ** 30,
        cpuFeatures: ["asimdhp", "i8mm"],
      },
      state: {
        ...parseAndroidState("", ""),
        batteryPercent: 83,
        charging: true,
        batteryTempC: 27.44,
        thermalStatus: 1,
      },
      obstacle: null,
    },
    {
      serial: "0A1B",
      kind: "adb",
      description: null,
      state: null,
      obstacle: obstacleOf("0A1B", "unauthorized"),
    },
  ];
  const lines = devicesTable(rows).split("\n");
  assertEquals(
    lines[2].split(/ {2,}/),
    [
      ...["R5CT10", "Phone", "QTI SM8550", "-", "arm64-v8a", "1×2.00 1×3.20 GHz", "2", "8.0 GiB"],
      ...["asimdhp i8mm", "83 % charging", "27.4 °C (thermal status 1)", "ready"],
    ],
  );
  assertStringIncludes(lines[3], "device-unauthorized");
  assertStringIncludes(lines[5], "accept the prompt on its screen");
});

Deno.test("openDevices() takes a phone once for all, by its cable, when wireless debugging lists it twice", async () => {
  const asked: string[] = [];
  await using scripted = startScriptedAdbServer({
    devices: () =>
      "adb-R5CT10-x._adb-tls-connect._tcp device transport_id:1\nR5CT10 device transport_id:2\n",
    shell: (line) => {
      asked.push(line);
      return line.includes("getprop ro.serialno")
        ? shellAnswer("@@posemark serial\nR5CT10\n@@posemark boot\nboot-1\n")
        : shellAnswer("@@posemark boot\n-\n@@posemark uptime\n5.5 1.0\n@@posemark taken\n");
    },
  });
  const server = { hostname: "127.0.0.1", port: scripted.port, adbProgram: null };
  const devices = await openDevices(["all"], { server });
  assertEquals(devices.map(({ serial }) => serial), ["R5CT10"]);
  assertEquals(asked.filter((line) => line.includes("getprop ro.serialno")).length, 2);
  for (const device of devices) await device[Symbol.asyncDispose]();
  const rows = await listDevices({ server });
  assertEquals(
    rows.map(({ serial, obstacle }) => [serial, obstacle?.code === "same-phone"]),
    [["host", false], ["adb-R5CT10-x._adb-tls-connect._tcp", true], ["R5CT10", false]],
  );
  await assertRejects(
    () => openDevices(["stf://farm.example/R5"], { server, pin: { share: 0.75 } }),
    HarnessError,
    "leased",
  );
});
