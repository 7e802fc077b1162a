import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import { ADB_ROOT, openAdb } from "./adb.ts";
import type { ShellDevice } from "../shell/shell_device.ts";
import type { AdbServer } from "./server.ts";
import { sha256 } from "../shell/push_source.ts";
import { shellOnce } from "./link.ts";
import { LINK_TIMES } from "../shell/session.ts";
import { COOL_RULES, realWaiting, throttleMarks, waitUntilCool } from "../cool_down.ts";
import { DeviceDescriptionSchema, DeviceStateSchema } from "../../record/device.ts";
import { devicesTable, listDevices, openDevices } from "../devices.ts";
import { startEmulated } from "../testdata/emulated/emulated_device.ts";
import { stderrProgress } from "../../progress.ts";
import { buildDeveloperProgram } from "../../toolchain/runner.ts";
import { inGroup } from "../../testdata/needs.ts";

const SERVER: AdbServer = { hostname: "127.0.0.1", port: 15412, adbProgram: "adb" };
const TIMES = { ...LINK_TIMES, pollFirstMs: 200, pollMaxMs: 500, lockWaitMs: 2000 };

/** Ends the adb server of these tests, on its own port. */
async function killServer(): Promise<void> {
  const args = ["-P", String(SERVER.port), "kill-server"];
  await new Deno.Command("adb", { args, stdout: "null", stderr: "null" }).output();
}

/**
 * Waits until the emulated phone's sensors follow its schedule: twice a second, on a slow machine
 * later.
 */
async function setSchedule(device: ShellDevice, lines: string[]): Promise<void> {
  const file = "/data/local/emulated/schedule";
  const text = lines.map((line) => `echo '${line}'`).join("; ");
  const line = `{ ${text}; } >${file}.new && mv ${file}.new ${file} && sleep 1.5`;
  const result = await device.run(["sh", "-c", line], { timeoutMs: 30_000 });
  assertEquals(result.exitCode, 0, result.stderr);
}

Deno.test({
  name: "openAdb() is a whole device when the phone is emulated",
  ...inGroup("device", "emulator"),
  fn: async (t) => {
    const dir = await Deno.makeTempDir({ prefix: "posemark-adb-" });
    await using phone = await startEmulated({ name: "adb76", port: 6751 });
    const { serial } = phone;
    const options = { server: SERVER, times: TIMES };
    const device = await openAdb(SERVER, serial, options);
    try {
      await t.step(
        "describe() marks it emulated and finds fp16 arithmetic on a cortex-a76",
        async () => {
          const description = DeviceDescriptionSchema.parse(await device.describe());
          assertEquals(description.emulated, true);
          assertEquals([description.serial, description.abi], [serial, "arm64-v8a"]);
          assertEquals(description.cpuFeatures, ["asimd", "asimdhp", "asimddp"]);
          assertEquals(description.cores.map((core) => core.part), ["0xd0b", "0xd0b"]);
          assertEquals(description.bigCoreMask, "2");
          assertEquals([description.os, description.rooted], ["Android 14", false]);
        },
      );

      await t.step("state() follows the phone's sensors", async () => {
        await setSchedule(device, [
          "0 battery_temp 333",
          "0 level 41",
          "0 charging 0",
          "0 screen 1",
        ]);
        const state = DeviceStateSchema.parse(await device.state());
        assertEquals(
          [state.batteryTempC, state.batteryPercent, state.charging, state.screenOn],
          [33.3, 41, false, true],
        );
        assertEquals([state.thermalStatus, state.thermalHeadroom], [0, 0.45]);
        assertEquals(state.frequencyCapsKHz, [1804800, 2841600]);
        assertEquals(state.temperatures.find(({ zone }) => zone === "skin-therm")?.tempC, 28.5);
        assert(state.uptimeSeconds !== null && state.uptimeSeconds > 1);
        assert(state.freeMemoryBytes !== null && state.freeMemoryBytes > 1 << 26);
        assert(state.topProcesses !== null);
      });

      await t.step(
        "waitUntilCool() gives up at its limit on a phone that heats, and throttleMarks() names status and caps",
        async () => {
          await setSchedule(device, [
            "0 battery_temp 380",
            "3 battery_temp 420",
            "0 status 2",
            "0 cap 1400000",
          ]);
          const rules = { ...COOL_RULES, limitMs: 2000, pauseMs: 500 };
          const hot = await waitUntilCool(device, null, rules, realWaiting());
          assertEquals(hot.marks.map(({ mark }) => mark), ["hot-start"]);
          assert(hot.waitedMs >= 2000);
          assertStringIncludes(hot.marks[0].reason, "moderate (2)");
          const marks = throttleMarks(null, hot.state, await device.describe());
          assertEquals(marks.map(({ mark }) => mark), ["throttled", "throttled"]);
          assertStringIncludes(marks[1].reason, "CPU 1 at 1400 of 2842 MHz");
        },
      );

      await t.step("waitUntilCool() returns when the phone has cooled", async () => {
        await setSchedule(device, ["0 battery_temp 420", "6 battery_temp 300", "0 cap 2841600"]);
        const rules = { ...COOL_RULES, limitMs: 120_000, pauseMs: 500 };
        const cool = await waitUntilCool(device, null, rules, realWaiting());
        assertEquals(cool.marks, []);
        assert(cool.state.batteryTempC !== null && cool.state.batteryTempC <= 36);
      });

      await t.step(
        "posemark-tests pass by arm64 instructions: the letterbox's rows are the plain form's bits",
        async () => {
          const file = await buildDeveloperProgram({
            target: "aarch64-android",
            program: "posemark-tests",
            progress: stderrProgress(),
          });
          const there = await device.push(file, { executable: true });
          const { exitCode, stderr } = await device.run([there], { timeoutMs: 300_000 });
          assertEquals(exitCode, 0, stderr);
          assert(/^[1-9]\d+ checks, 0 failed$/m.test(stderr), stderr);
        },
      );

      await t.step(
        "push() sends a file once, and sends it again when it was changed there",
        async () => {
          const file = path.join(dir, "weights.bin");
          const bytes = crypto.getRandomValues(new Uint8Array(50_000));
          await Deno.writeFile(file, bytes);
          const there = await device.push(file);
          assertEquals(there, `${ADB_ROOT}/files/${sha256(bytes)}`);
          const inode = async () =>
            (await device.run(["stat", "-c", "%i", there], { timeoutMs: 9000 })).stdout;
          const first = await inode();
          assertEquals(await device.push(file), there);
          assertEquals(await inode(), first);
          await device.run(["sh", "-c", `echo x >>${there}`], { timeoutMs: 9000 });
          await device[Symbol.asyncDispose]();
          await using again = await openAdb(SERVER, serial, options);
          await again.push(file);
          const pulled = path.join(dir, "pulled");
          await again.pull(there, pulled);
          assertEquals(sha256(await Deno.readFile(pulled)), sha256(bytes));
        },
      );

      await using second = await openAdb(SERVER, serial, options);
      await t.step(
        "launch() returns a large output whole, with arguments unchanged, and leaves no files",
        async () => {
          const runDir = await second.runDir("run-1");
          const list = path.join(dir, "list.tsv");
          await Deno.writeTextFile(list, "a\t1\t2\tx.rgb\n");
          await second.pushTo(list, `${runDir}/list.tsv`);
          const script = 'cat "$1"; seq 1 20000; echo "$2"; echo done >&2';
          const command = ["sh", "-c", script, "sh", `${runDir}/list.tsv`, `it's "$HOME" *`];
          const result = await second.launch({ command, name: "big", runDir }, {
            timeoutMs: 60_000,
          });
          const lines = result.stdout.split("\n");
          assertEquals([lines[0], lines[20_000], lines[20_001]], [
            "a\t1\t2\tx.rgb",
            "20000",
            `it's "$HOME" *`,
          ]);
          assertEquals(result.stderr, "done\n");
          assertEquals(
            (await second.run(["ls", runDir], { timeoutMs: 9000 })).stdout,
            "list.tsv\n",
          );
          await second.removeRunDir(runDir);
          assertEquals(
            (await second.run(["ls", ADB_ROOT], { timeoutMs: 9000 })).stdout,
            "files\nlock\n",
          );
          await assertRejects(() => second.removeRunDir(`${ADB_ROOT}/files`), RangeError);
          await assertRejects(() => second.removeRunDir(`${ADB_ROOT}/run/../..`), RangeError);
        },
      );

      await t.step("launch() ends the program when the signal aborts", async () => {
        const runDir = await second.runDir("run-2");
        const controller = new AbortController();
        const launching = assertRejects(
          () =>
            second.launch({ command: ["sleep", "283"], name: "long", runDir }, {
              timeoutMs: 60_000,
              signal: controller.signal,
            }),
          HarnessError,
        );
        setTimeout(() => controller.abort(), 3000);
        assertEquals((await launching as HarnessError).code, "interrupted");
        const left = await second.run(["pgrep", "sleep"], { timeoutMs: 9000 });
        assertEquals(left.stdout, "");
      });

      await t.step(
        "listDevices() shows it, busy and emulated, and openDevices() opens all",
        async () => {
          const row = async () => (await listDevices(options)).find((row) => row.serial === serial);
          assertEquals((await row())?.obstacle?.code, "device-busy");
          await second[Symbol.asyncDispose]();
          assertEquals((await row())?.obstacle?.code, "emulated");
          assertStringIncludes(devicesTable(await listDevices(options)), "1×1.80 1×2.84 GHz");
          const opened = await openDevices(["all", "host", serial], options);
          assertEquals(opened.map((one) => one.serial).sort(), [serial, "host"]);
          // One that can't be opened gives the others back.
          await Promise.all(opened.map((one) => one[Symbol.asyncDispose]()));
          await assertRejects(() => openDevices([serial, "127.0.0.1:1"], options), HarnessError);
          assertEquals((await row())?.obstacle?.code, "emulated");
        },
      );
    } finally {
      await device[Symbol.asyncDispose]();
      await killServer();
      await Deno.remove(dir, { recursive: true });
    }
  },
});

Deno.test({
  name:
    "openAdb() pins frequencies of a rooted cortex-a53 and restores them, also when the harness dies",
  ...inGroup("device", "emulator"),
  fn: async () => {
    await using phone = await startEmulated({
      name: "adb53",
      port: 6753,
      cpu: "cortex-a53",
      root: true,
    });
    const { serial } = phone;
    try {
      const read = async () => {
        const line =
          "cd /sys/devices/system/cpu; cat cpu*/cpufreq/scaling_governor cpu*/cpufreq/scaling_m??_freq";
        const limit = { timeoutMs: 20_000 };
        return (await shellOnce(SERVER, serial, "read", line, limit)).stdout.trim().split("\n")
          .join(" ");
      };
      const pin = { share: 0.5 };
      const free = "schedutil schedutil 1804800 300000 2841600 300000";
      const fixed = "performance performance 902000 902000 1420500 1420500";
      {
        await using device = await openAdb(SERVER, serial, { times: TIMES, pin });
        assertEquals(device.frequencyCapsKHz(), [902000, 1420500]);
        const { cpuFeatures, rooted } = await device.describe();
        assertEquals([cpuFeatures, rooted], [["asimd"], true]);
        assertEquals(await read(), fixed);
        const state = await device.state();
        assertEquals(
          throttleMarks(state, state, await device.describe(), device.frequencyCapsKHz()),
          [],
        );
      }
      assertEquals(await read(), free);
      // No sign of life for two seconds is a death: the phone restores by itself.
      const device = await openAdb(SERVER, serial, { times: { ...TIMES, lockStaleMs: 2000 }, pin });
      assertEquals(device.frequencyCapsKHz(), [902000, 1420500]);
      const deadline = performance.now() + 60_000;
      while (await read() !== free && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      assertEquals(await read(), free);
      await device[Symbol.asyncDispose]();
    } finally {
      await killServer();
    }
  },
});
