/**
 * The whole adb layer against a scripted adb server whose "phone" is this machine's shell: quick,
 * and without Android.
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import { openAdb } from "./adb.ts";
import { adbLink } from "./link.ts";
import type { ShellDevice, ShellOptions } from "../shell/shell_device.ts";
import { sha256 } from "../shell/push_source.ts";
import { LINK_TIMES, type LinkTimes, openSession } from "../shell/session.ts";
import {
  type AdbScript,
  localShell,
  shellAnswer,
  type ShellPacket,
  startScriptedAdbServer,
} from "../testdata/scripted_adb_server.ts";

/** The launch script needs Linux' tools: setsid, sha256sum, /proc. */
const ignore = Deno.build.os !== "linux";

const TIMES: LinkTimes = {
  ...LINK_TIMES,
  operationMs: 5000,
  linkMs: 1500,
  reconnectPauseMs: 50,
  pollFirstMs: 50,
  pollMaxMs: 100,
  lockWaitMs: 300,
};

/** What a test works with. */
interface Local {
  open(
    options?: Pick<ShellOptions, "times" | "who" | "tell" | "pin">,
  ): Promise<ShellDevice>;
  /** Folder that stands for the phone's `/data/local/tmp/posemark`. */
  root: string;
  /** Folder for local files. */
  dir: string;
  /** Faults that the server plays. */
  faults: {
    /** Changes the answers to shell lines. */
    shell?: (line: string) => ShellPacket[] | null | undefined | Promise<ShellPacket[]>;
    breakSync?: (path: string) => boolean;
  };
}

/** Gives a test a phone of this machine's shell. */
async function withLocal(test: (local: Local) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "posemark local-" });
  const root = path.join(dir, "phone's posemark");
  const faults: Local["faults"] = {};
  const script: AdbScript = {
    devices: () => "LOCAL device usb:1 product:p model:M device:d transport_id:1\n",
    shell: async (line) => {
      const answer = faults.shell?.(line);
      return answer === undefined ? await localShell(line) : answer;
    },
    breakSync: (file) => faults.breakSync?.(file) ?? false,
  };
  try {
    await using scripted = startScriptedAdbServer(script);
    const server = { hostname: "127.0.0.1", port: scripted.port, adbProgram: null };
    const open: Local["open"] = (options = {}) =>
      openAdb(server, "LOCAL", { times: TIMES, root, ...options });
    await test({ open, root, dir, faults });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Returns the error that a promise ends in. */
async function errorOf(promise: Promise<unknown>): Promise<HarnessError> {
  return await assertRejects(() => promise, HarnessError) as HarnessError;
}

/** Launches a shell line. */
async function launch(device: ShellDevice, line: string, timeoutMs = 10_000): Promise<string> {
  const runDir = await device.runDir("run");
  const job = { command: ["sh", "-c", line], name: "job", runDir };
  return (await device.launch(job, { timeoutMs })).stdout;
}

Deno.test({
  name: "launch() returns the output and removes its files when the program ends",
  ignore,
  fn: () =>
    withLocal(async ({ open, root }) => {
      await using device = await open();
      assertEquals(await launch(device, "echo one; echo two >&2"), "one\n");
      assertEquals([...Deno.readDirSync(path.join(root, "run"))], []);
    }),
});

Deno.test({
  name: "launch() throws what the program ended with: exit code, signal, time limit, interruption",
  ignore,
  fn: () =>
    withLocal(async ({ open }) => {
      await using device = await open();
      const failed = await errorOf(launch(device, "echo words >&2; exit 3"));
      assertEquals([failed.code, failed.stderrTail], ["runner-failed", ["words"]]);
      assertStringIncludes((await errorOf(launch(device, "kill -SEGV $$"))).message, "SIGSEGV");
      assertEquals((await errorOf(launch(device, "sleep 30", 300))).code, "timeout");
      const runDir = await device.runDir("run");
      const interrupted = device.launch({ command: ["sleep", "30"], name: "job", runDir }, {
        timeoutMs: 10_000,
        signal: AbortSignal.timeout(400),
      });
      assertEquals((await errorOf(interrupted)).code, "interrupted");
    }),
});

Deno.test({
  name: "launch() goes on when the link breaks in the middle, and logs it",
  ignore,
  fn: () =>
    withLocal(async ({ open, faults }) => {
      await using device = await open();
      let looks = 0;
      faults.shell = (line) => {
        // The second and third answer break off before the exit code.
        return line.includes("section state") && [2, 3].includes(++looks) ? [] : undefined;
      };
      assertEquals(await launch(device, "sleep 0.5; echo kept"), "kept\n");
      assert(looks > 3);
      assertStringIncludes(device.events.join(), "link lost (device-lost)");
    }),
});

Deno.test({
  name: "launch() starts the program once when the answer to the start is lost",
  ignore,
  fn: () =>
    withLocal(async ({ open, faults, dir }) => {
      await using device = await open();
      let lost = false;
      const counter = path.join(dir, "count");
      const { shell } = {
        shell: (line: string) => {
          if (lost || !line.includes("setsid sh -c")) return undefined;
          lost = true;
          new Deno.Command("sh", { args: ["-c", line] }).outputSync();
          return [];
        },
      };
      faults.shell = shell;
      assertEquals(await launch(device, `echo x >>'${counter}'; sleep 0.3; echo once`), "once\n");
      assertEquals([lost, Deno.readTextFileSync(counter)], [true, "x\n"]);
    }),
});

Deno.test({
  name:
    "launch() throws device-offline when the link stays lost, and device-lost when the phone was rebooted",
  ignore,
  fn: () =>
    withLocal(async ({ open, faults }) => {
      await using device = await open();
      let gone = false;
      faults.shell = (line) => {
        if (line.includes("section state")) gone = true;
        return gone ? [] : undefined;
      };
      const offline = await errorOf(launch(device, "echo x"));
      assertEquals(offline.code, "device-offline");
      assertStringIncludes(offline.message, "no answer for");
      faults.shell = undefined;
      assertEquals(await launch(device, "echo back"), "back\n");
      faults.shell = (line) =>
        line.includes("section state")
          ? shellAnswer(
            "@@posemark boot\n00000000-0000-4000-8000-000000000000\n@@posemark uptime\n3 1\n",
          )
          : undefined;
      const rebooted = await errorOf(launch(device, "echo x"));
      assertEquals(rebooted.code, "device-lost");
      assertStringIncludes(rebooted.message, "rebooted");
    }),
});

Deno.test({
  name: "launch() throws bad-device-output when the result changed after its end",
  ignore,
  fn: () =>
    withLocal(async ({ open, root, faults }) => {
      await using device = await open();
      const change = (ending: string, text: string) => {
        faults.shell = (line) => {
          if (!line.includes("section state")) return undefined;
          const look = () => new Deno.Command("sh", { args: ["-c", line] }).outputSync().stdout;
          const seen = new TextDecoder().decode(look());
          if (!seen.includes("@@posemark exit")) return shellAnswer(seen);
          for (const { name } of Deno.readDirSync(path.join(root, "run"))) {
            if (name.endsWith(ending)) Deno.writeTextFileSync(path.join(root, "run", name), text);
          }
          return shellAnswer(new TextDecoder().decode(look()));
        };
      };
      change(".out", "12346\n");
      const corrupted = await errorOf(launch(device, "echo 12345"));
      assertEquals(corrupted.code, "bad-device-output");
      change(".out", "123");
      assertEquals((await errorOf(launch(device, "echo 12345"))).code, "bad-device-output");
      change(".exit", "posemark-end 0 6 e3b0");
      const cut = await errorOf(launch(device, "echo 12345"));
      assertEquals(cut.code, "bad-device-output");
      assertStringIncludes(cut.message, "expected an end marker and a hash");
    }),
});

Deno.test({
  name:
    "push() sends a file once, repairs it when it was changed, and repeats a push that broke off",
  ignore,
  fn: () =>
    withLocal(async ({ open, root, dir, faults }) => {
      const file = path.join(dir, "weights");
      const bytes = crypto.getRandomValues(new Uint8Array(60_000));
      await Deno.writeFile(file, bytes);
      let broken = 0;
      let sent = 0;
      faults.breakSync = (target) => {
        if (!target.endsWith(".part")) return false;
        sent++;
        return broken++ < 2;
      };
      const there = path.join(root, "files", sha256(bytes));
      {
        await using device = await open();
        assertEquals(await device.push(file), there);
        assertEquals(sha256(await Deno.readFile(there)), sha256(bytes));
        assertEquals([...Deno.readDirSync(path.join(root, "files"))].length, 1);
        assert(broken > 2);
        const before = sent;
        await device.push(file);
        assertEquals(sent, before);
      }
      await Deno.writeTextFile(there, "changed");
      await using device = await open();
      await device.push(file);
      assertEquals(sha256(await Deno.readFile(there)), sha256(bytes));
      const pulled = path.join(dir, "pulled");
      await device.pull(there, pulled);
      assertEquals(sha256(await Deno.readFile(pulled)), sha256(bytes));
      await device.pushTo(file, `${await device.runDir("run")}/list`);
      assertEquals(sha256(await Deno.readFile(path.join(root, "run", "list"))), sha256(bytes));
      const missing = await errorOf(device.pull(`${root}/run/nothing`, pulled));
      assertEquals(missing.code, "bad-device-output");
      assertStringIncludes(missing.message, "No such file");
    }),
});

Deno.test({
  name: "push() throws no-space when the device is full, and leaves no partial file",
  ignore,
  fn: () =>
    withLocal(async ({ open, root, dir, faults }) => {
      await using device = await open();
      const file = path.join(dir, "weights");
      await Deno.writeFile(file, new Uint8Array(1 << 20));
      faults.shell = (line) =>
        line.includes("df -k") && line.includes("mkdir")
          ? shellAnswer(
            "Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/x 9000 8000 1000 89% /data\n",
          )
          : undefined;
      const error = await errorOf(device.push(file));
      assertEquals(error.code, "no-space");
      assertStringIncludes(error.message, "found 1.0 MiB free, expected 9.0 MiB");
      faults.shell = undefined;
      assertEquals([...Deno.readDirSync(root)].some(({ name }) => name.includes("part")), false);
    }),
});

Deno.test({
  name:
    "push() drops files of earlier runs when there is little room, and drop() its own, by the hundred",
  ignore,
  fn: () =>
    withLocal(async ({ open, root, dir, faults }) => {
      await using device = await open();
      const files = path.join(root, "files");
      const file = path.join(dir, "weights");
      await Deno.writeFile(file, new Uint8Array(100));
      const pushed = await device.push(file);
      for (let i = 0; i < 900; i++) {
        Deno.writeTextFileSync(path.join(files, `old${i}`.padEnd(64)), "");
      }
      let full = true;
      faults.shell = (line) => {
        if (!line.includes("df -k")) {
          return undefined;
        }
        const free = full ? 1000 : 100_000;
        full = false;
        return shellAnswer(
          `Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/x 9 8 ${free} 89% /data\n`,
        );
      };
      await Deno.writeFile(file, new Uint8Array(200));
      const second = await device.push(file);
      const names = () => [...Deno.readDirSync(files)].map(({ name }) => name).sort();
      assertEquals(names(), [pushed, second].map((each) => path.basename(each)).sort());
      await device.drop([pushed]);
      assertEquals(names(), [path.basename(second)]);
      // it is known to be gone
      await Deno.writeFile(file, new Uint8Array(100));
      assertEquals(await device.push(file), pushed);
      assertEquals(names().length, 2);
    }),
});

Deno.test({
  name: "push() says which Android is expected when the phone has no sha256sum",
  ignore,
  fn: () =>
    withLocal(async ({ open, dir, faults }) => {
      await using device = await open();
      const file = path.join(dir, "weights");
      await Deno.writeFile(file, new Uint8Array(100));
      faults.shell = (line) => localShell(line.replaceAll("sha256sum", "missing-sha256sum"));
      const error = await errorOf(device.push(file));
      assertEquals(error.code, "device-unsuitable");
      assertStringIncludes(error.message, "Android 8 or newer");
    }),
});

Deno.test({
  name: "openAdb() pins the frequencies anew when the phone was rebooted",
  ignore,
  fn: () =>
    withLocal(async ({ open, dir, faults }) => {
      const bootFile = path.join(dir, "boot");
      const boot = (digit: string) => Deno.writeTextFileSync(bootFile, `${digit.repeat(36)}\n`);
      let pins = 0;
      boot("1");
      faults.shell = (line) => {
        if (line.endsWith("'id -u'")) return shellAnswer("0\n");
        if (line.includes("section pinned")) {
          pins++;
          return shellAnswer(`@@posemark pinned\n0 ${pins} ${pins}\n@@posemark end\n`);
        }
        return localShell(line.replaceAll("/proc/sys/kernel/random/boot_id", `'${bootFile}'`));
      };
      await using device = await open({ pin: { share: 0.75 } });
      assertEquals(await launch(device, "echo one"), "one\n");
      assertEquals([pins, device.frequencyCapsKHz()], [1, [1]]);
      boot("2");
      let broken = false;
      faults.breakSync = () => !broken && (broken = true);
      const file = path.join(dir, "weights");
      await Deno.writeFile(file, new Uint8Array(1 << 16));
      await device.push(file);
      assertEquals(await launch(device, "echo two"), "two\n");
      assertEquals([pins, device.frequencyCapsKHz()], [2, [2]]);
    }),
});

Deno.test({
  name: "openAdb() makes a second harness wait, then throws device-busy with the owner",
  ignore,
  fn: () =>
    withLocal(async ({ open }) => {
      const first = await open({ who: "first@host pid 1" });
      const told: string[] = [];
      const error = await errorOf(open({ tell: (words) => told.push(words) }));
      assertEquals(error.code, "device-busy");
      assertStringIncludes(error.message, "first@host pid 1");
      assertStringIncludes(told.join(), "for first@host pid 1, who uses the device");
      const waiting = open({ times: { ...TIMES, lockWaitMs: 10_000 } });
      await first[Symbol.asyncDispose]();
      await using second = await waiting;
      assertEquals(await launch(second, "echo mine"), "mine\n");
      // Its own lock was not touched by the first's going.
      assertEquals((await errorOf(open())).code, "device-busy");
    }),
});

Deno.test({
  name: "openAdb() breaks a stale lock and sweeps what its owner left, and leaves a live one alone",
  ignore,
  fn: () =>
    withLocal(async ({ open, root }) => {
      const lock = path.join(root, "lock");
      const left = path.join(root, "old-run");
      const boot = Deno.makeTempFileSync({ dir: path.dirname(root) });
      await localShell(`cat /proc/sys/kernel/random/boot_id >'${boot}'`);
      const bootId = Deno.readTextFileSync(boot).trim();
      const leave = (sign: string) => {
        Deno.mkdirSync(lock, { recursive: true });
        Deno.mkdirSync(left, { recursive: true });
        Deno.writeTextFileSync(path.join(lock, "owner"), "0a|dead@host pid 9\n");
        Deno.writeTextFileSync(path.join(lock, "sign"), sign);
      };
      const told: string[] = [];
      leave(`1 ${bootId}\n`);
      {
        const times = { ...TIMES, lockStaleMs: 100 };
        await using device = await open({ times, tell: (words) => told.push(words) });
        assertEquals([...Deno.readDirSync(root)].map(({ name }) => name).sort(), ["lock"]);
        assertEquals(await launch(device, "echo mine"), "mine\n");
      }
      assertStringIncludes(told.join(), "breaks the lock of dead@host pid 9");
      leave(`99999999 ${bootId}\n`);
      assertEquals((await errorOf(open())).code, "device-busy");
      assertEquals(Deno.readTextFileSync(path.join(lock, "owner")), "0a|dead@host pid 9\n");
    }),
});

Deno.test("shell() throws bad-device-output with the last words when a line fails, and no-space when the disk is full", async () => {
  const answers: ShellPacket[][] = [];
  await using scripted = startScriptedAdbServer({
    devices: () => "X device transport_id:1\n",
    shell: (line) =>
      line.includes("section boot") ? shellAnswer("@@posemark uptime\n5 1\n") : answers.shift()!,
  });
  const server = { hostname: "127.0.0.1", port: scripted.port, adbProgram: null };
  const session = await openSession(adbLink(server, "X"), TIMES);
  const say = (words: string): ShellPacket => ({ id: 2, data: new TextEncoder().encode(words) });
  answers.push([say("sh: nonsense\n"), ...shellAnswer("", 127)]);
  const failed = await errorOf(session.shell("look", "x"));
  assertEquals([failed.code, failed.stderrTail], ["bad-device-output", ["sh: nonsense"]]);
  answers.push([say("mkdir: No space left on device\n"), ...shellAnswer("", 1)]);
  assertEquals((await errorOf(session.shell("look", "x"))).code, "no-space");
  answers.push([{ id: 1, data: new Uint8Array(17 << 20) }, ...shellAnswer("")]);
  assertEquals((await errorOf(session.shell("look", "x"))).code, "bad-device-output");
});
