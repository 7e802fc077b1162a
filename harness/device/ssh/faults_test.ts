/**
 * Every row of a board in FAULTS.md that a real ssh server on this machine can show.
 */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import { needs } from "../../testdata/needs.ts";
import { LINK_TIMES, type LinkTimes } from "../shell/session.ts";
import type { ShellDevice } from "../shell/shell_device.ts";
import { sha256 } from "../shell/push_source.ts";
import { BOARD_FAULTS } from "../testdata/board_faults.ts";
import { checkFault, type Outcome } from "../testdata/check_fault.ts";
import { type LoopbackSshd, startLoopbackSshd } from "../testdata/loopback_sshd.ts";
import { type BoardOptions, inspectBoard, openBoard } from "./board.ts";

/** Short pauses; limits that a loaded machine keeps. */
const TIMES: LinkTimes = {
  ...LINK_TIMES,
  operationMs: 15_000,
  linkMs: 60_000,
  reconnectPauseMs: 100,
  pollFirstMs: 50,
  pollMaxMs: 200,
  lockWaitMs: 0,
};

/** Rows that the ssh server shows. */
type Row = Extract<typeof BOARD_FAULTS[number], { shownOn: "sshd" }>;

async function errorOf(promise: Promise<unknown>): Promise<HarnessError> {
  return await assertRejects(() => promise, HarnessError);
}

/** Opens the board. */
function open(sshd: LoopbackSshd, options: BoardOptions = {}): Promise<ShellDevice> {
  return openBoard(sshd.name, { ssh: sshd.ssh, times: TIMES, who: "first@host pid 1", ...options });
}

/** Launches a shell line as the runner. */
async function launch(device: ShellDevice, line: string): Promise<string> {
  const job = { command: ["sh", "-c", line], name: "job", runDir: await device.runDir("run") };
  return (await device.launch(job, { timeoutMs: 60_000 })).stdout;
}

/** Makes a fault happen in the middle of a launch; returns what was logged. */
async function during(
  sshd: LoopbackSshd,
  fault: () => Promise<void>,
  times: Partial<LinkTimes> = {},
): Promise<string> {
  const begun = path.join(sshd.dir, crypto.randomUUID());
  await using device = await open(sshd, { times: { ...TIMES, ...times } });
  const line = `echo >${begun}; until [ -e ${begun}.go ]; do sleep 0.05; done; echo kept`;
  const launching = launch(device, line);
  launching.catch(() => {});
  await untilThere(begun);
  await fault();
  await Deno.writeTextFile(`${begun}.go`, "");
  assertEquals(await launching, "kept\n");
  return device.events.join("; ");
}

async function untilThere(file: string): Promise<void> {
  for (let attempt = 0; attempt < 3000; attempt++) {
    if (await Deno.stat(file).then(() => true, () => false)) return;
    await sleep(20);
  }
  throw new Error(`"${file}" did not come`);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Returns the processes of this machine whose command line matches. */
async function processesWith(pattern: string): Promise<number[]> {
  const { stdout } = await new Deno.Command("pgrep", { args: ["-f", "--", pattern] }).output();
  return new TextDecoder().decode(stdout).split("\n").filter(Boolean).map(Number);
}

/** Changes a file of the server's folder for as long as work takes. */
async function withFile<T>(
  sshd: LoopbackSshd,
  name: string,
  change: (text: string) => string,
  work: () => Promise<T>,
): Promise<T> {
  const file = path.join(sshd.dir, name);
  const before = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, change(before));
  try {
    return await work();
  } finally {
    await Deno.writeTextFile(file, before);
  }
}

/** Runs lines before every session for as long as work takes. */
async function withNoise<T>(sshd: LoopbackSshd, lines: string, work: () => Promise<T>): Promise<T> {
  await sshd.beforeSessions(lines);
  try {
    return await work();
  } finally {
    await sshd.beforeSessions("");
  }
}

/** Stops the listener for as long as work takes; it comes back with these lines first. */
async function withoutListener<T>(sshd: LoopbackSshd, work: () => Promise<T>): Promise<T> {
  await sshd.signalSessions("KILL");
  await sshd.stop();
  try {
    return await work();
  } finally {
    await sshd.start();
  }
}

/** Programs that BusyBox and every Linux have. */
const USUAL = ["sh", "cat", "grep", "mkdir", "chmod", "rm", "mv", "uname", "id", "setsid"];

/** Returns what opening a board ends in that has the usual programs alone, and `own` ones. */
async function withPrograms(
  sshd: LoopbackSshd,
  own: Record<string, string> = {},
): Promise<HarnessError> {
  const bin = await Deno.makeTempDir({ dir: sshd.dir });
  const names = USUAL.filter((name) => !(name in own)).join(" ");
  const find = `for p in ${names}; do ln -s "$(command -v $p)" ${bin}/$p; done`;
  await new Deno.Command("sh", { args: ["-c", find] }).output();
  for (const [name, script] of Object.entries(own)) {
    await Deno.writeTextFile(path.join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  return await withNoise(sshd, `PATH=${bin}; export PATH`, () => errorOf(open(sshd)));
}

/** A test per row. */
const TESTS: Record<Row["id"], (sshd: LoopbackSshd) => Promise<Outcome>> = {
  "board-link-broken": (sshd) => during(sshd, () => sshd.signalSessions("KILL")),
  "board-client-killed": (sshd) =>
    during(sshd, async () => {
      // The connection's own process alone has this.
      const [master] = await processesWith(`ControlMaster=yes.*${sshd.port}`);
      Deno.kill(master, "SIGKILL");
    }),
  "board-link-broken-in-push": async (sshd) => {
    const file = path.join(sshd.dir, "big");
    const bytes = new Uint8Array(4 << 20).fill(7);
    await Deno.writeFile(file, bytes);
    const cut = path.join(sshd.dir, "cut");
    // The first push ends the server's end of its own connection.
    const before = `case $SSH_ORIGINAL_COMMAND in *"umask 077; cat >"*)
  [ -e ${cut} ] || { echo >${cut}; head -c 100000 >/dev/null; kill -KILL $PPID; exit; } ;;
esac`;
    return await withNoise(sshd, before, async () => {
      await using device = await open(sshd);
      assertEquals(await Deno.readFile(await device.push(file)), bytes);
      const files = [...Deno.readDirSync(path.join(sshd.home, ".posemark", "files"))];
      assertEquals(files.map(({ name }) => name), [sha256(bytes)]);
      return device.events.join("; ");
    });
  },
  "board-server-away": (sshd) => during(sshd, () => withoutListener(sshd, () => sleep(1000))),
  "board-frozen": (sshd) =>
    during(sshd, async () => {
      await sshd.signalSessions("STOP");
      await sleep(2500);
      await sshd.signalSessions("CONT");
    }, { operationMs: 1500 }),
  "board-away-for-ever": async (sshd) => {
    let away = () => {};
    const ended = new Promise<void>((resolve) => away = resolve);
    const launching = errorOf(during(sshd, async () => {
      away();
      await new Promise((resolve) => setTimeout(resolve, 3000));
    }, { linkMs: 500 }));
    await ended;
    const error = await withoutListener(sshd, () => launching);
    // The lock could not be given back, and its owner, this test, lives.
    await Deno.remove(path.join(sshd.home, ".posemark", "lock"), { recursive: true });
    return error;
  },
  "board-exit-255": async (sshd) => {
    await using device = await open(sshd);
    // A short command's is told as it is, a launch's is a failure of the runner.
    const { exitCode } = await device.run(["sh", "-c", "exit 255"], { timeoutMs: 10_000 });
    assertEquals(exitCode, 255);
    const error = await errorOf(launch(device, "exit 255"));
    assertEquals(device.events, []);
    return error;
  },
  "board-runner-killed": async (sshd) => {
    await using device = await open(sshd);
    const error = await errorOf(launch(device, "echo last words >&2; kill -KILL $$"));
    assertEquals(error.stderrTail, ["last words"]);
    return error;
  },
  "board-session-ended": async (sshd) => {
    await using device = await open(sshd);
    const pid = path.join(sshd.home, ".posemark", "run", "job.*.pid");
    return await errorOf(launch(device, `sleep 0.3; kill -KILL -$(cat ${pid})`));
  },
  "board-login-noise": (sshd) =>
    withNoise(
      sshd,
      "echo Welcome; echo '@@posemark begin 0'; printf 'no end of line'; echo Hi >&2",
      async () => {
        await using device = await open(sshd);
        const { stdout } = await device.run(["printf", "a\\n\\nb"], { timeoutMs: 10_000 });
        assertEquals(stdout, "a\n\nb");
        const program = "printf 'a\\000\\377\\n\\n@@posemark end x 0\\n'";
        assertEquals(await launch(device, program), "a\0\ufffd\n\n@@posemark end x 0\n");
        return device.events.join();
      },
    ),
  "board-one-session": async (sshd) => {
    await sshd.stop();
    await sshd.start(["MaxSessions 1"]);
    const device = await open(sshd);
    assertEquals(await launch(device, "echo alone"), "alone\n");
    await device[Symbol.asyncDispose]();
    await sshd.stop();
    await sshd.start();
    return device.events.join();
  },
  "board-second-harness": async (sshd) => {
    await using device = await open(sshd);
    const error = await errorOf(open(sshd));
    assertStringIncludes(error.message, "first@host pid 1");
    const { lockedBy } = await inspectBoard(sshd.name, { ssh: sshd.ssh });
    assertEquals(lockedBy, "first@host pid 1");
    assertEquals(await launch(device, "echo first"), "first\n");
    return error;
  },
  "board-harness-killed": async (sshd) => {
    const begun = path.join(sshd.dir, "held");
    // Another test's, or an earlier run's, is not this one's.
    const seconds = `${1000 + Math.random() * 1000}`;
    const held = `^sleep ${seconds}$`;
    const entry = new URL("../testdata/hold_board.ts", import.meta.url).href;
    const harness = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", entry, sshd.name, sshd.ssh.configFile!, begun, seconds],
      stdout: "null",
    }).spawn();
    await untilThere(begun);
    harness.kill("SIGKILL");
    await harness.status;
    assertEquals((await processesWith(held)).length, 1);
    const told: string[] = [];
    await using device = await open(sshd, { tell: (words) => told.push(words) });
    assertEquals(await processesWith(held), []);
    assertEquals(await launch(device, "echo mine"), "mine\n");
    // The dead one's connection has ended with it.
    while ((await processesWith(`ControlMaster=yes.*${sshd.port}`)).length > 1) await sleep(50);
    return told.join("; ");
  },
  "board-key-refused": (sshd) => withFile(sshd, "authorized", () => "", () => errorOf(open(sshd))),
  "board-host-key-unknown": (sshd) =>
    withFile(sshd, "known_hosts", () => "", () => errorOf(open(sshd))),
  "board-host-key-changed": async (sshd) => {
    const [type, key] = (await Deno.readTextFile(path.join(sshd.dir, "user.pub"))).split(" ");
    const other = (text: string) => `${text.split(" ")[0]} ${type} ${key}\n`;
    const error = await withFile(sshd, "known_hosts", other, () => errorOf(open(sshd)));
    assertStringIncludes(error.message, `ssh-keygen -R '[127.0.0.1]:${sshd.port}'`);
    return error;
  },
  "board-refuses": (sshd) => withoutListener(sshd, () => errorOf(open(sshd))),
  "board-unknown": () => errorOf(openBoard("ssh://no-such-board.invalid", { times: TIMES })),
  "no-ssh-client": () =>
    errorOf(
      openBoard("ssh://pi", { times: TIMES, ssh: { program: "/nowhere/ssh", configFile: null } }),
    ),
  "board-no-commands": async (sshd) => {
    const before = "echo 'This account is currently not available.'; exit 1";
    const error = await withNoise(sshd, before, () => errorOf(open(sshd)));
    assertStringIncludes(error.message, "currently not available");
    return error;
  },
  "board-noexec": async (sshd) => {
    const named = await errorOf(
      openBoard(`${sshd.name}/proc/here`, { ssh: sshd.ssh, times: TIMES }),
    );
    assertStringIncludes(named.message, "/proc/here: ");
    // A `chmod` that does nothing: the script in the folder can't be run, as on such a mount.
    const error = await withPrograms(sshd, { chmod: "exit 0" });
    assertStringIncludes(error.message, "/tmp/posemark-");
    return error;
  },
  "board-foreign-cpu": (sshd) =>
    withPrograms(sshd, { uname: `[ "$1" = -m ] && echo armv7l || echo Linux` }),
  "board-no-hash": (sshd) => withPrograms(sshd),
};

Deno.test({
  name: "openBoard() keeps what FAULTS.md says when a board's faults happen",
  ...needs("sshd"),
  fn: async (t) => {
    await using sshd = await startLoopbackSshd();
    // POSEMARK_FAULTS=board-frozen,board-refuses plays these rows only.
    const chosen = Deno.env.get("POSEMARK_FAULTS")?.split(",");
    for (const fault of BOARD_FAULTS) {
      if (fault.shownOn !== "sshd" || chosen?.includes(fault.id) === false) continue;
      await t.step(fault.fault, async () => checkFault(fault, await TESTS[fault.id](sshd)));
    }
  },
});
