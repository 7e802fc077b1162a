/**
 * One launch on a phone that outlives the link: started detached, ended by a file with an end
 * marker and a hash.
 *
 * ```text
 * harness                                   phone: run folder
 * start ───────────────────────────────►  NAME.NONCE.d      (made once: a start that is sent twice starts once)
 *                                          NAME.NONCE.pid    launch.sh, NAME.NONCE.dog its time limit
 * look, look, …(link lost, reconnect) ──►  NAME.NONCE.out, .err
 * fetch, verify, remove ◄───────────────  NAME.NONCE.exit   "posemark-end CODE BYTES SHA256 end", renamed into place
 * ```
 *
 * @module
 */
import { posix } from "node:path";
import { HarnessError } from "../../errors.ts";
import type { CommandResult, Launch, RunOptions } from "../device.ts";
import type { DeviceFiles } from "./files.ts";
import { sha256 } from "./push_source.ts";
import { launchScript, type LaunchStatus, parseLaunchStatus } from "./launch_script.ts";
import { nonce } from "../names.ts";
import { shellLine } from "./words.ts";
import type { Boot, ShellSession } from "./session.ts";
import { BOOT_LINES, parseBoot, pause, wasRebooted } from "./session.ts";
import { exitError, stderrTail } from "./runner_exit.ts";
import { requireSafeName } from "../names.ts";
import { SECTION_PRELUDE, splitSections } from "./sections.ts";

/** Grace on the phone beyond the harness's own limit, seconds. */
const DOG_GRACE_SECONDS = 20;
/** Time that may pass between the start and the first sign of the script. */
const START_GRACE_MS = 15_000;
/** Most of the standard error that is fetched, bytes. */
const STDERR_BYTES = 1 << 20;

/** What a launch needs besides the session. */
export interface LaunchContext {
  session: ShellSession;
  files: DeviceFiles;
  /** Shell line that tells other harnesses that this one lives; run with every look. */
  heartbeat: string;
  /** What may have ended a launch and the script that watches it, and what helps. */
  whyVanished: string;
}

/**
 * Runs a program detached and returns its outputs, complete and verified.
 *
 * Throws `runner-failed` (killed, exit code, vanished), `device-unsuitable` (can't be started
 * there), `timeout`, `interrupted`, `no-space`, `bad-device-output` (its output changed on the
 * way), `device-lost` (rebooted: run it again), and `device-offline` (the link stayed lost for too
 * long).
 */
export async function launchDetached(
  context: LaunchContext,
  launch: Launch,
  options: RunOptions,
): Promise<CommandResult> {
  const { session } = context;
  const name = requireSafeName(launch.name, "launch name");
  const what = `runner "${name}"`;
  const where = `device "${session.serial}"`;
  const base = `${launch.runDir}/${name}.${nonce()}`;
  const limitSeconds = Math.ceil(options.timeoutMs / 1000) + DOG_GRACE_SECONDS;
  const q = (word: string) => shellLine([word]);
  const start = `cd ${q(launch.runDir)} || exit 1
${SECTION_PRELUDE}${BOOT_LINES}
if mkdir ${q(`${base}.d`)}; then
  ${session.tools.setsid} sh -c ${
    shellLine([launchScript(base, limitSeconds, session.tools), "launch", ...launch.command])
  } </dev/null >/dev/null 2>&1 &
  section start; echo first
elif [ -d ${q(`${base}.d`)} ]; then section start; echo again
else exit 1
fi
true`;
  const before = session.boot();
  const started = await session.shell(`start ${what}`, start, { signal: options.signal });
  // A start that is sent again after a reboot finds the folder of the first, whose process is gone.
  const again = splitSections(started).get("start") === "again";
  const boot = again ? before : parseBoot(started);
  try {
    const ended = await waitForEnd(context, base, what, boot, options);
    return await collect(context, base, what, where, ended);
  } finally {
    // What a lost device keeps is swept when the next session takes its lock.
    await session.once(`remove files of ${what}`, `rm -rf ${q(base)}.*`, { timeoutMs: 5000 })
      .catch(() => {});
  }
}

/** Waits until the launch has ended. */
async function waitForEnd(
  { session, heartbeat, whyVanished }: LaunchContext,
  base: string,
  what: string,
  boot: Boot,
  options: RunOptions,
): Promise<LaunchStatus & { kind: "ended" }> {
  const where = `device "${session.serial}"`;
  const begin = `Cannot finish ${what} on ${where}:`;
  const look = lookLines(base, heartbeat);
  const beganMs = performance.now();
  let pauseMs = session.times.pollFirstMs;
  for (;;) {
    const output = await orKill(
      session,
      base,
      () => session.shell(`look after ${what}`, look, { signal: options.signal }),
    );
    if (wasRebooted(boot, parseBoot(output))) {
      throw new HarnessError(
        "device-lost",
        `${begin} the device rebooted meanwhile, so that this launch is lost: finished launches are kept, this one is to be run again`,
      );
    }
    const status = parseLaunchStatus(output);
    const waitedMs = performance.now() - beganMs;
    if (status.kind === "ended") return status;
    if (status.kind === "corrupt") {
      throw new HarnessError(
        "bad-device-output",
        `${begin} found "${status.found}" in the file that ends a launch, expected an end marker and a hash: run again; if it stays, the device's storage is failing`,
      );
    }
    if (status.kind === "gone" || (status.kind === "starting" && waitedMs > START_GRACE_MS)) {
      throw await vanishedError(session, base, begin, whyVanished);
    }
    if (waitedMs > options.timeoutMs) {
      await killLaunch(session, base);
      throw new HarnessError(
        "timeout",
        `${begin} still running after ${
          options.timeoutMs / 1000
        } s, killed: use fewer iterations or images, or a longer time limit`,
      );
    }
    await orKill(session, base, () => pause(Math.min(pauseMs, options.timeoutMs), options.signal));
    pauseMs = Math.min(pauseMs * 1.5, session.times.pollMaxMs);
  }
}

/**
 * Returns the shell lines of a look. While the program runs they are built-ins but for one `grep`.
 * The exit file is asked for again when the process is gone: it is the last thing that the process
 * writes.
 */
function lookLines(base: string, heartbeat: string): string {
  const q = (end: string) => shellLine([`${base}${end}`]);
  return `${SECTION_PRELUDE}${heartbeat}
${BOOT_LINES}
state=gone
if [ -e ${q(".exit")} ]; then :
elif [ -s ${q(".pid")} ]; then
  read -r p <${q(".pid")}
  grep -q ${shellLine([posix.basename(base)])} /proc/$p/cmdline 2>/dev/null && state=running
elif [ -d ${q(".d")} ]; then state=starting
fi
if [ -e ${q(".exit")} ]; then
  section exit; cat ${q(".exit")}
  section late; [ -e ${q(".late")} ] && echo 1
  section full
  ${probeLines(base)}
  section errors; tail -c ${STDERR_BYTES} ${q(".err")}
else section state; echo $state
fi
true`;
}

/**
 * Returns the shell lines that print 1 when the disk takes no more. It is tried and not asked of
 * `df`: ext4 keeps up to 16 MiB back that `df` calls available (`ext4_claim_free_clusters`,
 * `s_resv_clusters`). Only the system's own word counts: a tool may be missing.
 */
function probeLines(base: string): string {
  const probe = shellLine([`${base}.probe`]);
  return `m=$({ dd if=/dev/zero of=${probe} bs=65536 count=1 || head -c 65536 /dev/zero >${probe}; } 2>&1)
case $m in *"No space left"*) echo 1 ;; esac`;
}

/** Does something; kills the launch on the device when the caller's signal interrupts it. */
async function orKill<T>(session: ShellSession, base: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof HarnessError && error.code === "interrupted") {
      await killLaunch(session, base);
    }
    throw error;
  }
}

/** Ends a launch's processes, when the device can be reached: its session and its dog's. */
async function killLaunch(session: ShellSession, base: string): Promise<void> {
  const line = `for f in ${shellLine([`${base}.pid`])} ${
    shellLine([`${base}.dog`])
  }; do [ -s $f ] && kill -KILL -$(cat $f); done`;
  await session.once("end a launch", line, { timeoutMs: 5000 }).catch(() => {});
}

/** Returns the error of a launch whose script ended without a word. */
async function vanishedError(
  session: ShellSession,
  base: string,
  begin: string,
  why: string,
): Promise<HarnessError> {
  const line = `${SECTION_PRELUDE}section full
${probeLines(base)}
section errors; tail -c 2000 ${shellLine([`${base}.err`])}`;
  const output = await session.once("look for what is left", line).then(
    (result) => result.stdout,
    () => "",
  );
  const sections = splitSections(output);
  const tail = stderrTail(sections.get("errors") ?? "");
  await killLaunch(session, base);
  if (sections.get("full") === "1") {
    return new HarnessError(
      "no-space",
      `${begin} no space left on the device, not even for its exit code: free some and run again`,
      { stderrTail: tail },
    );
  }
  return new HarnessError(
    "runner-failed",
    `${begin} it vanished without an exit code, with the script that watches it: killed by the system for want of memory, by somebody, or ${why}`,
    { stderrTail: tail },
  );
}

/** Fetches and verifies what an ended launch left. */
async function collect(
  { files }: LaunchContext,
  base: string,
  what: string,
  where: string,
  ended: LaunchStatus & { kind: "ended" },
): Promise<CommandResult> {
  const begin = `Cannot finish ${what} on ${where}:`;
  const { stderr } = ended;
  const tail = stderrTail(stderr);
  if (ended.full || /No space left on device/i.test(stderr)) {
    throw new HarnessError(
      "no-space",
      `${begin} no space left on the device (exit code ${ended.exitCode}), so that its output may be cut: free some and run again`,
      { stderrTail: tail },
    );
  }
  if (ended.late) {
    throw new HarnessError(
      "timeout",
      `${begin} still running at its time limit, killed on the device: use fewer iterations or images, or a longer time limit`,
      { stderrTail: tail },
    );
  }
  if (ended.exitCode !== 0) throw exitError(what, where, ended.exitCode, stderr);
  let found = "nothing";
  // Twice: bytes may be lost on the way, but a file that has changed on the device stays so.
  for (let attempt = 0; attempt < 2; attempt++) {
    const bytes = await files.read(`${base}.out`);
    found = `${bytes.length} bytes with sha256 ${sha256(bytes)}`;
    if (bytes.length === ended.bytes && sha256(bytes) === ended.sha256) {
      return { exitCode: 0, stdout: new TextDecoder().decode(bytes), stderr };
    }
  }
  throw new HarnessError(
    "bad-device-output",
    `${begin} its output arrived as ${found}, expected ${ended.bytes} bytes with sha256 ${ended.sha256}: it was cut or changed after the end: run again`,
    { stderrTail: tail },
  );
}
