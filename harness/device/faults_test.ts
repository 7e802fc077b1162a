import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { openAdb } from "./adb/adb.ts";
import type { ShellDevice } from "./shell/shell_device.ts";
import { type AdbServer, adbServerFromEnvironment } from "./adb/server.ts";
import { sha256 } from "./shell/push_source.ts";
import { launchScript } from "./shell/launch_script.ts";
import { adbLink, shellOnce } from "./adb/link.ts";
import { shellLine } from "./shell/words.ts";
import { LINK_TIMES, type LinkTimes, openSession } from "./shell/session.ts";
import { checkFault, type Outcome } from "./testdata/check_fault.ts";
import { type FaultId, FAULTS, faultsMarkdown } from "./testdata/faults.ts";
import { compileFaultProgram } from "./testdata/emulated/fault_program.ts";
import { type EmulatedDevice, startEmulated } from "./testdata/emulated/emulated_device.ts";
import {
  type AdbScript,
  shellAnswer,
  startScriptedAdbServer,
} from "./testdata/scripted_adb_server.ts";
import { inGroup } from "../testdata/needs.ts";

Deno.test("faultsMarkdown() is what FAULTS.md holds", () => {
  assertEquals(Deno.readTextFileSync(new URL("./FAULTS.md", import.meta.url)), faultsMarkdown());
});

/** Short limits: a loaded machine answers within seconds. */
const TIMES: LinkTimes = {
  operationMs: 10_000,
  linkMs: 120_000,
  reconnectPauseMs: 300,
  pollFirstMs: 200,
  pollMaxMs: 500,
  lockWaitMs: 1_000,
  lockStaleMs: 300_000,
};

/** What a row's test works with. */
interface Bench {
  phone: EmulatedDevice;
  server: AdbServer;
  device: ShellDevice;
  /** The device's own limits: changes take effect at once. */
  times: LinkTimes;
  runDir: string;
  /** Local folder for files. */
  dir: string;
  /** Path on the device of `fault_program.cpp`. */
  program: string;
  /** Runs a shell line beside the harness, as somebody else would. */
  aside(line: string): Promise<string>;
  /** Gives the device back, and opens it anew. */
  reopen(): Promise<void>;
  /** Name of the last launch. */
  job: string;
  /** Launches a shell line as the runner. */
  launch(line: string, timeoutMs?: number): Promise<string>;
  /** Launches the fault program. */
  fault(...args: string[]): Promise<string>;
}

/** Returns the error that a promise ends in. */
async function errorOf(promise: Promise<unknown>): Promise<HarnessError> {
  return await assertRejects(() => promise, HarnessError);
}

/** Waits. */
function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Changes limits while something runs. */
async function withTimes<T>(bench: Bench, times: Partial<LinkTimes>, work: () => Promise<T>) {
  const before = { ...bench.times };
  Object.assign(bench.times, times);
  try {
    return await work();
  } finally {
    Object.assign(bench.times, before);
  }
}

/** Returns the shell line that waits until a file of the device has a byte. */
function untilFilled(file: string): string {
  return `until [ -s ${file} ]; do sleep 0.1; done`;
}

/**
 * Launches something that takes a while, makes the fault happen, and returns what the launch gave
 * and the log's new words.
 */
async function during(
  bench: Bench,
  line: string,
  fault: () => Promise<void>,
): Promise<{ output: string; log: string }> {
  const logged = bench.device.events.length;
  const launching = bench.launch(line, 90_000);
  launching.catch(() => {});
  await bench.aside(untilFilled(`${bench.runDir}/${bench.job}.*.pid`));
  await fault();
  const output = await launching;
  return { output, log: bench.device.events.slice(logged).join("; ") };
}

/**
 * Waits on the device until a launch has ended, then runs a line in its folder; the harness looks
 * only later.
 */
async function afterEnd(bench: Bench, line: string): Promise<HarnessError> {
  return await withTimes(bench, { pollFirstMs: 6000, pollMaxMs: 6000 }, async () => {
    const launching = errorOf(bench.launch("sleep 1; echo 12345"));
    launching.catch(() => {});
    await sleep(500);
    const files = `${bench.runDir}/${bench.job}`;
    await bench.aside(
      `until [ -e ${files}.*.exit ]; do sleep 0.2; done; ${line.replaceAll("job", files)}`,
    );
    return await launching;
  });
}

/** A test per row that is shown on the emulated phone. */
const EMULATED: Partial<Record<FaultId, (bench: Bench) => Promise<Outcome>>> = {
  "power-cut-in-push": async (bench) => {
    const file = path.join(bench.dir, "big");
    const bytes = new Uint8Array(6 << 20);
    for (let at = 0; at < bytes.length; at += 65536) {
      crypto.getRandomValues(bytes.subarray(at, at + 65536));
    }
    await Deno.writeFile(file, bytes);
    // The device itself halts at the right moment, without a word to anybody or a sync of its disk.
    const halting = shellOnce(
      bench.server,
      bench.phone.serial,
      "halt the device",
      "until [ -s /data/local/tmp/posemark/files/.*.part ]; do :; done; echo b >/proc/sysrq-trigger",
      { timeoutMs: 60_000 },
    );
    // Time for the line to be there before the push begins.
    await sleep(2000);
    const pushing = bench.device.push(file);
    pushing.catch(() => {});
    await halting.catch(() => {});
    await bench.phone.control("cut");
    await bench.phone.start();
    const there = await pushing;
    assertEquals((await bench.aside(`sha256sum ${there}`)).split(" ")[0], sha256(bytes));
    assertEquals(
      await bench.aside("ls -A /data/local/tmp/posemark/files | grep -c part; true"),
      "0",
    );
    await bench.aside(`rm ${there}`);
    return bench.device.events.join("; ");
  },
  "power-cut-in-launch": async (bench) => {
    return await errorOf(during(bench, "sleep 60", async () => {
      await bench.phone.control("cut");
      await bench.phone.start();
    }));
  },
  "reboot": async (bench) => {
    return await errorOf(during(bench, "sleep 60", () => bench.phone.control("reset")));
  },
  "frozen-for-a-while": async (bench) => {
    return await withTimes(bench, { operationMs: 2000 }, async () => {
      const { output, log } = await during(bench, "sleep 4; echo thawed", async () => {
        await bench.phone.control("pause");
        await sleep(6000);
        await bench.phone.control("resume");
      });
      assertEquals(output, "thawed\n");
      return log;
    });
  },
  "frozen-for-ever": async (bench) => {
    const error = await withTimes(
      bench,
      { operationMs: 1500, linkMs: 4000 },
      () => errorOf(during(bench, "sleep 288", () => bench.phone.control("pause"))),
    );
    await bench.phone.control("resume");
    return error;
  },
  "network-lost-for-a-while": async (bench) => {
    return await withTimes(bench, { operationMs: 3000 }, async () => {
      const { output, log } = await during(bench, "sleep 3; echo kept", async () => {
        await bench.phone.control("wifi", "off");
        await sleep(5000);
        await bench.phone.control("wifi", "on");
      });
      assertEquals(output, "kept\n");
      return log;
    });
  },
  "network-lost-for-ever": async (bench) => {
    const error = await withTimes(
      bench,
      { operationMs: 1500, linkMs: 4000 },
      () => errorOf(during(bench, "sleep 288", () => bench.phone.control("wifi", "off"))),
    );
    await bench.phone.control("wifi", "on");
    await bench.aside("pkill -KILL sleep; true");
    return error;
  },
  "adb-server-killed": async (bench) => {
    const { output, log } = await during(
      bench,
      "sleep 3; echo served",
      () => killServer(bench.server),
    );
    assertEquals(output, "served\n");
    return log;
  },
  "disk-full-at-push": async (bench) => {
    const file = path.join(bench.dir, "medium");
    await Deno.writeFile(file, new Uint8Array(1 << 20).fill(7));
    await bench.aside(fillLine(3000));
    try {
      const error = await errorOf(bench.device.push(file));
      assertEquals(
        await bench.aside("ls -A /data/local/tmp/posemark/files | grep -c part; true"),
        "0",
      );
      return error;
    } finally {
      await bench.aside("rm -f /data/local/tmp/filler; sync");
    }
  },
  "disk-full-in-launch": async (bench) => {
    await bench.aside(fillLine(6000));
    try {
      return await errorOf(bench.launch(`cat /dev/zero >${bench.runDir}/more; echo done`));
    } finally {
      await bench.aside(`rm -f /data/local/tmp/filler ${bench.runDir}/more; sync`);
    }
  },
  "out-of-memory": async (bench) => {
    const error = await errorOf(bench.fault("oom"));
    assertStringIncludes(error.message, "want of memory");
    assertEquals(error.stderrTail, ["about to oom"]);
    return error;
  },
  "runner-killed": async (bench) => {
    const pid = `${bench.runDir}/pid`;
    return await errorOf(during(bench, `echo $$ >${pid}; exec sleep 277`, async () => {
      // the script has its number before the runner has
      await bench.aside(`${untilFilled(pid)}; kill -KILL $(cat ${pid})`);
    }));
  },
  "watcher-killed": async (bench) => {
    const error = await errorOf(during(bench, "echo last words >&2; sleep 278", async () => {
      const own = `${bench.runDir}/${bench.job}.*`;
      await bench.aside(`${untilFilled(`${own}.err`)}; kill -KILL -$(cat ${own}.pid)`);
    }));
    assertEquals(error.stderrTail, ["last words"]);
    // The dog has nothing left to watch, and goes as well.
    assertEquals(await bench.aside("ps -A -o ARGS | grep '^sleep'; true"), "");
    return error;
  },
  "illegal-instruction": async (bench) => await errorOf(bench.fault("ill")),
  "crash": async (bench) => await errorOf(bench.fault("segv")),
  "noexec": async (bench) => {
    const options = { times: TIMES, root: "/sdcard/posemark" };
    await using device = await openAdb(bench.server, bench.phone.serial, options);
    const program = await device.push(path.join(bench.dir, "fault_program"), { executable: true });
    const runDir = await device.runDir("run");
    return await errorOf(
      device.launch({ command: [program], name: "job", runDir }, { timeoutMs: 20_000 }),
    );
  },
  "wrong-machine": async (bench) => {
    const file = path.join(bench.dir, "x86");
    const head = new Uint8Array(64);
    head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    head[18] = 62;
    await Deno.writeFile(file, head);
    const error = await errorOf(bench.device.push(file, { executable: true }));
    const there = await bench.aside(
      `ls /data/local/tmp/posemark/files | grep -c ${sha256(head)}; true`,
    );
    assertEquals(there, "0");
    return error;
  },
  "too-slow": async (bench) => {
    const error = await errorOf(bench.launch("sleep 279", 1000));
    assertEquals(await bench.aside("ps -A -o ARGS | grep '^sleep 279'; true"), "");
    // No harness comes back: the device's own limit ends the program.
    const base = `${bench.runDir}/left.0`;
    await bench.aside(
      `${shellLine(["sh", "-c", launchScript(base, 1), "launch", "sleep", "281"])}; true`,
    );
    assertStringIncludes(await bench.aside(`cat ${base}.exit ${base}.late`), "posemark-end 137 0 ");
    assertEquals(await bench.aside("ps -A -o ARGS | grep '^sleep'; true"), "");
    return error;
  },
  "result-truncated": async (bench) => await afterEnd(bench, "truncate -s 3 job.*.out"),
  "result-corrupted": async (bench) =>
    await afterEnd(bench, "for f in job.*.out; do echo 12346 >$f; done"),
  "end-marker-corrupted": async (bench) => await afterEnd(bench, "truncate -s 60 job.*.exit"),
  "hostile-output": async (bench) => {
    const output = await bench.fault("hostile", "0");
    assert(output.startsWith("ok\0\ufffd\ufffd\x1b[2J\n@@posemark exit\nposemark-end 0 0 000"));
    assert(output.endsWith(" end\n\ufffd"));
    return await errorOf(bench.fault("hostile", "1"));
  },
  "clock-jumps": async (bench) => {
    const { output } = await during(bench, "sleep 5; echo on time", async () => {
      assertStringIncludes(await bench.aside("date 010100002037; date +%Y"), "2037");
      assertStringIncludes(await bench.aside("date 010100002001; date +%Y"), "2001");
    });
    assertEquals(output, "on time\n");
    const { at } = await bench.device.state();
    assert(Math.abs(Date.now() - Date.parse(at)) < 120_000);
    return "";
  },
  "second-harness": async (bench) => {
    const open = (lockWaitMs: number) =>
      openAdb(bench.server, bench.phone.serial, {
        times: { ...TIMES, lockWaitMs },
        who: "second@host pid 2",
      });
    const { output } = await during(bench, "sleep 4; echo first", async () => {
      const error = await errorOf(open(0));
      assertStringIncludes(error.message, "first@host pid 1");
    });
    assertEquals(output, "first\n");
    const error = await errorOf(open(1000));
    // One that waits gets the device when the first gives it back.
    const waiting = open(30_000);
    await sleep(1000);
    await bench.device[Symbol.asyncDispose]();
    await using second = await waiting;
    assertEquals((await second.run(["echo", "mine"], { timeoutMs: 10_000 })).stdout, "mine\n");
    await second[Symbol.asyncDispose]();
    await bench.reopen();
    return error;
  },
  "dead-harness": async (bench) => {
    await bench.device[Symbol.asyncDispose]();
    const root = "/data/local/tmp/posemark";
    const start = shellLine([
      "sh",
      "-c",
      launchScript(`${root}/old/job.0`, 300),
      "launch",
      "sleep",
      "282",
    ]);
    await bench.aside(
      `mkdir -p ${root}/lock ${root}/old && echo '0a|dead@host pid 9' >${root}/lock/owner &&
read -r b </proc/sys/kernel/random/boot_id && echo "0 $b" >${root}/lock/sign
setsid nohup ${start} </dev/null >/dev/null 2>&1 &
until [ -s ${root}/old/job.0.dog ]; do sleep 0.2; done`,
    );
    const told: string[] = [];
    const stale = {
      times: { ...TIMES, lockStaleMs: 2000 },
      tell: (words: string) => told.push(words),
    };
    const device = await openAdb(bench.server, bench.phone.serial, stale);
    assertEquals(await bench.aside("ps -A -o ARGS | grep '^sleep 282'; true"), "");
    assertEquals(await bench.aside(`ls ${root}`), "files\nlock");
    await device[Symbol.asyncDispose]();
    await bench.reopen();
    assertStringIncludes(told.join(), "dead@host pid 9");
    return told.join("; ");
  },
};

/** Returns the shell line that fills the disk but for so many KiB. */
function fillLine(leftKiB: number): string {
  return `set -- $(df -k /data/local/tmp | tail -1); fallocate -l $(( ($4 - ${leftKiB}) * 1024 )) /data/local/tmp/filler`;
}

/** Ends the adb server of these tests, on its own port. */
async function killServer(server: AdbServer): Promise<void> {
  const args = ["-P", String(server.port), "kill-server"];
  await new Deno.Command("adb", { args, stdout: "null", stderr: "null" }).output();
}

/** Returns the outcome as the error that it must be. */
function asError(outcome: Outcome): HarnessError {
  if (outcome instanceof HarnessError) return outcome;
  throw new Error(`Expected an error, found "${outcome}"`);
}

/** Returns the test of a row; a row without one is a failure. */
function testOf<T>(tests: Partial<Record<FaultId, T>>, id: FaultId): T {
  const test = tests[id];
  if (test === undefined) throw new Error(`Fault "${id}" has no test`);
  return test;
}

Deno.test({
  name: "openAdb() keeps what FAULTS.md says when a phone's faults happen",
  ...inGroup("device", "emulator"),
  fn: async (t) => {
    const dir = await Deno.makeTempDir({ prefix: "posemark-faults-" });
    const server: AdbServer = { hostname: "127.0.0.1", port: 15411, adbProgram: "adb" };
    await using phone = await startEmulated({
      name: "faults",
      port: 6741,
      dataMb: 192,
      // Setting the clock needs root.
      root: true,
    });
    const times = { ...TIMES };
    const open = () => openAdb(server, phone.serial, { times, who: "first@host pid 1" });
    const local = await compileFaultProgram(dir);
    const device = await open();
    let jobs = 0;
    const bench: Bench = {
      job: "",
      phone,
      server,
      device,
      times,
      dir,
      runDir: await device.runDir("run"),
      program: await device.push(local, { executable: true }),
      aside: async (line) => {
        const limit = { timeoutMs: 60_000 };
        for (let attempt = 0;; attempt++) {
          try {
            return (await shellOnce(server, phone.serial, "work aside", line, limit)).stdout.trim();
          } catch (error) {
            // Just after a start the device may still be unknown to the adb server.
            if (attempt === 5) throw error;
            await openSession(adbLink(server, phone.serial), TIMES).catch(() => sleep(1000));
          }
        }
      },
      reopen: async () => {
        bench.device = await open();
        bench.runDir = await bench.device.runDir("run");
      },
      launch: async (line, timeoutMs = 60_000) => {
        bench.job = `job${++jobs}`;
        const launch = { command: ["sh", "-c", line], name: bench.job, runDir: bench.runDir };
        return (await bench.device.launch(launch, { timeoutMs })).stdout;
      },
      fault: async (...args) => {
        bench.job = `job${++jobs}`;
        const launch = { command: [bench.program, ...args], name: bench.job, runDir: bench.runDir };
        return (await bench.device.launch(launch, { timeoutMs: 60_000 })).stdout;
      },
    };
    try {
      // POSEMARK_FAULTS=reboot,noexec plays these rows only.
      const chosen = Deno.env.get("POSEMARK_FAULTS")?.split(",");
      const rows = FAULTS.filter(({ shownOn, id }) =>
        shownOn === "emulated" && (chosen === undefined || chosen.includes(id))
      );
      for (const fault of rows) {
        await t.step(fault.fault, async () => {
          checkFault(fault, await testOf(EMULATED, fault.id)(bench));
          // Whatever happened, the device is of use again, and what was pushed is still there.
          assertEquals(await bench.launch(`${bench.program} && echo next round`), "next round\n");
        });
      }
    } finally {
      await bench.device[Symbol.asyncDispose]();
      await killServer(server);
      await Deno.remove(dir, { recursive: true });
    }
  },
});

/** Returns what opening a device of a scripted adb server ends in. */
async function openScripted(script: AdbScript, serial = "R5CT10"): Promise<Outcome> {
  await using scripted = startScriptedAdbServer(script);
  const server = { hostname: "127.0.0.1", port: scripted.port, adbProgram: null };
  const times = { ...LINK_TIMES, operationMs: 2000, linkMs: 500, reconnectPauseMs: 100 };
  return await errorOf(openSession(adbLink(server, serial), times));
}

const READY = "R5CT10 device usb:1-4 product:p model:M device:d transport_id:1\n";

/** A test per row that is shown on a scripted adb server. */
const SCRIPTED: Partial<Record<FaultId, () => Promise<Outcome>>> = {
  "not-there": () => openScripted({ devices: () => READY }, "0A1B"),
  "unauthorized": () =>
    openScripted({ devices: () => "R5CT10 unauthorized usb:1-4 transport_id:1\n" }),
  "key-a-moment-later": async () => {
    let connects = 0;
    await using scripted = startScriptedAdbServer({
      devices: () => connects < 3 ? "" : "10.0.0.7:5555 device transport_id:9\n",
      connect: (address) =>
        ++connects < 3 ? `failed to authenticate to ${address}` : `connected to ${address}`,
      shell: () => shellAnswer("@@posemark boot\n-\n@@posemark uptime\n5.5 1.0\n"),
    });
    const server = { hostname: "127.0.0.1", port: scripted.port, adbProgram: null };
    return (await openSession(adbLink(server, "10.0.0.7:5555"))).events.join();
  },
  "server-elsewhere": async () => {
    const listener = Deno.listen({ hostname: "127.0.0.2", port: 0 });
    const socket = `tcp:127.0.0.2:${(listener.addr as Deno.NetAddr).port}`;
    listener.close();
    const server = adbServerFromEnvironment((name) => name === "ADB_SERVER_SOCKET" ? socket : "");
    return await errorOf(openSession(adbLink(server, "R5CT10")));
  },
  "offline": () => openScripted({ devices: () => "R5CT10 offline usb:1-4 transport_id:1\n" }),
  "no-exit-code": () =>
    openScripted({ devices: () => READY, shell: () => shellAnswer("12.5 3.0\n").slice(0, 1) }),
  "old-adbd": () => openScripted({ devices: () => READY, features: "cmd" }),
};

for (const fault of FAULTS.filter(({ shownOn }) => shownOn === "scripted")) {
  Deno.test(`openSession() says what FAULTS.md says when: ${fault.fault}`, async () => {
    checkFault(fault, await testOf(SCRIPTED, fault.id)());
  });
}

Deno.test("openSession() throws timeout and closes its connections when a device never answers", async () => {
  const outcome = await openScripted({ devices: () => READY, shell: () => null });
  assertEquals(asError(outcome).code, "timeout");
});

Deno.test("openSession() names adb's own words when a network address refuses", async () => {
  const outcome = await openScripted({
    devices: () => "",
    connect: (address) => `failed to connect to '${address}': Connection refused`,
  }, "127.0.0.1:9");
  assertEquals(asError(outcome).code, "device-not-found");
  assertStringIncludes(asError(outcome).message, "Connection refused");
});

Deno.test("openSession() disconnects a stale address before it connects again", async () => {
  await using scripted = startScriptedAdbServer({
    devices: () =>
      scripted.requests.includes("host:connect:127.0.0.1:9")
        ? "127.0.0.1:9 device transport_id:1\n"
        : "127.0.0.1:9 offline transport_id:1\n",
    connect: () => "connected to 127.0.0.1:9",
    shell: () => shellAnswer("@@posemark boot\n-\n@@posemark uptime\n5.5 1.0\n"),
  });
  const server = { hostname: "127.0.0.1", port: scripted.port, adbProgram: null };
  const session = await openSession(adbLink(server, "127.0.0.1:9"), {
    ...LINK_TIMES,
    operationMs: 2000,
  });
  assertEquals(session.boot().uptimeSeconds, 5.5);
  const network = scripted.requests.filter((request) => /connect:/.test(request));
  assertEquals(network, ["host:disconnect:127.0.0.1:9", "host:connect:127.0.0.1:9"]);
});

Deno.test("openSession() throws missing-tool when no adb server answers and none is to be started", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const open = (adbProgram: string | null) =>
    errorOf(openSession(adbLink({ hostname: "127.0.0.1", port, adbProgram }, "R5CT10")));
  assertEquals((await open(null)).code, "missing-tool");
});
