/**
 * Every row of a board in FAULTS.md that takes a machine of its own: an emulated arm64 one with
 * BusyBox and dropbear. Then the main job on it.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import type { Report } from "../../report/report_json.ts";
import { oneFixture, ROOT, runTask } from "../../run/testdata/command.ts";
import { inGroup } from "../../testdata/needs.ts";
import { sha256 } from "../shell/push_source.ts";
import { LINK_TIMES, type LinkTimes } from "../shell/session.ts";
import type { ShellDevice } from "../shell/shell_device.ts";
import { BOARD_FAULTS } from "../testdata/board_faults.ts";
import { checkFault, type Outcome } from "../testdata/check_fault.ts";
import { type EmulatedBoard, startEmulatedBoard } from "../testdata/emulated/emulated_board.ts";
import { compileFaultProgram } from "../testdata/emulated/fault_program.ts";
import { openBoard } from "./board.ts";

const TIMES: LinkTimes = {
  ...LINK_TIMES,
  operationMs: 15_000,
  linkMs: 120_000,
  reconnectPauseMs: 300,
  pollFirstMs: 200,
  pollMaxMs: 500,
};

/** Rows that the emulated board shows. */
type Row = Extract<typeof BOARD_FAULTS[number], { shownOn: "board" }>;

/** Where the board has its files. */
const ROOT_FOLDER = "/home/pi/.posemark";

async function errorOf(promise: Promise<unknown>): Promise<HarnessError> {
  return await assertRejects(() => promise, HarnessError);
}

async function launch(device: ShellDevice, command: string[]): Promise<string> {
  const job = { command, name: "job", runDir: await device.runDir("run") };
  return (await device.launch(job, { timeoutMs: 60_000 })).stdout;
}

/** Reboots the board at once, without a word to anybody or a sync of its disk. */
const HALT = "echo b >/proc/sysrq-trigger";

/** A test per row. */
const TESTS: Record<Row["id"], (board: EmulatedBoard, device: ShellDevice) => Promise<Outcome>> = {
  "board-reboot": async (board, device) => {
    const launching = errorOf(launch(device, ["sleep", "60"]));
    await board.asRoot(`until [ -s ${ROOT_FOLDER}/run/job.*.pid ]; do sleep 0.1; done; ${HALT}`);
    return await launching;
  },
  "board-power-cut-in-push": async (board, device) => {
    const file = path.join(board.dir, "big");
    const bytes = new Uint8Array(6 << 20);
    for (let at = 0; at < bytes.length; at += 65536) {
      crypto.getRandomValues(bytes.subarray(at, at + 65536));
    }
    await Deno.writeFile(file, bytes);
    const halting = board.asRoot(
      `echo >/tmp/ready; until [ -s ${ROOT_FOLDER}/files/.*.part ]; do :; done; ${HALT}`,
    );
    const isReady = async () =>
      (await device.run(["ls", "/tmp"], { timeoutMs: 10_000 })).stdout.includes("ready");
    while (!await isReady());
    const there = await device.push(file);
    await halting;
    assertEquals((await board.asRoot(`sha256sum ${there}`)).split(" ")[0], sha256(bytes));
    assertEquals(await board.asRoot(`ls -A ${ROOT_FOLDER}/files | grep -c part`), "0\n");
    return device.events.join("; ");
  },
  "board-disk-full": async (board, device) => {
    const file = path.join(board.dir, "medium");
    await Deno.writeFile(file, new Uint8Array(1 << 20).fill(7));
    await board.asRoot(
      `set -- $(df -k /home/pi | tail -n 1); dd if=/dev/zero of=/home/root/filler bs=1048576 count=$((($4 - 3000) / 1024))`,
    );
    const error = await errorOf(device.push(file));
    await board.asRoot("rm /home/root/filler");
    assertEquals(await board.asRoot(`ls -A ${ROOT_FOLDER}/files | grep -c part`), "0\n");
    return error;
  },
  "board-out-of-memory": async (board, device) => {
    const program = await device.push(await compileFaultProgram(board.dir), { executable: true });
    const error = await errorOf(launch(device, [program, "oom"]));
    assertEquals(error.stderrTail, ["about to oom"]);
    return error;
  },
};

Deno.test({
  name: "openBoard() keeps what FAULTS.md says on an emulated arm64 board, and bench runs there",
  ...inGroup("device", "emulator", "sshd"),
  fn: async (t) => {
    await using board = await startEmulatedBoard("board", 6811);
    {
      await using device = await openBoard(board.name, { ssh: board.ssh, times: TIMES });
      for (const fault of BOARD_FAULTS) {
        if (fault.shownOn !== "board") continue;
        await t.step(fault.fault, async () => {
          checkFault(fault, await TESTS[fault.id](board, device));
          assertEquals(await launch(device, ["echo", "next round"]), "next round\n");
        });
      }
      // As BusyBox tells it.
      const { cores, bigCoreMask, emulated } = await device.describe();
      assertEquals([cores.length, bigCoreMask, emulated], [2, "2", true]);
      const state = await device.state();
      assert(state.temperatures.some(({ zone }) => zone === "cpu-0-0"));
      assertEquals(state.governors, ["schedutil", "schedutil"]);
    }
    await t.step("bench", async () => {
      const { code, stdout, stderr } = await runTask("bench", [
        ...["--device", board.name, "--images", await oneFixture(board.dir)],
        ...["--model", path.join(ROOT, "models", "posemark-n-relu.onnx"), "--precision", "fp16"],
        ...["--out", path.join(board.dir, "run"), "--shape", "96x96", "--threads", "1"],
        ...["--rounds", "1", "--iterations", "1", "--warmup", "0", "--benchncnn-rounds", "0"],
        ...["--measure-images", "1", "--stage-images", "1", "--json"],
      ], { POSEMARK_SSH_CONFIG: board.ssh.configFile! });
      assertEquals(code, 0, stderr);
      const report: Report = JSON.parse(stdout);
      const [{ parity, precision, fps, rank }] = report.variants;
      assertEquals(parity.verdict, "pass", parity.reason ?? "");
      assertEquals(precision.effective, "fp16-arithmetic");
      // times of an emulated board do not count
      assertEquals([fps, rank], [null, null]);
      assertEquals(report.devices[0].target, "aarch64-linux");
    });
  },
});
