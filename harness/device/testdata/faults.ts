/**
 * What can happen to a phone or a board in the middle of a run: fault → what is kept → what the
 * user reads.
 *
 * The table is data, and tests make each row happen and check its outcome and message:
 * `faults_test.ts` those of a phone (on the emulated phone, or with a scripted adb server where a
 * real one can't be made to show it), `ssh/faults_test.ts` and `ssh/emulated_board_test.ts` those
 * of a board (with a real ssh server on this machine, or on the emulated board). `FAULTS.md` is
 * printed from it.
 *
 * @module
 */
import { BOARD_FAULTS } from "./board_faults.ts";
import type { Fault } from "./fault.ts";

/** Rows of phones, in the order of a run. */
const PHONE_FAULTS = [
  {
    id: "power-cut-in-push",
    fault: "Power cut in the middle of a push",
    kept:
      "Files that were pushed before. The push is repeated when the device is back, and verified",
    code: null,
    message: "device was rebooted",
    shownOn: "emulated",
  },
  {
    id: "power-cut-in-launch",
    fault: "Power cut in the middle of a launch",
    kept: "Every finished launch, and all pushed files. The launch is to be run again",
    code: "device-lost",
    message: "the device rebooted meanwhile",
    shownOn: "emulated",
  },
  {
    id: "reboot",
    fault: "Reboot in the middle of a launch",
    kept: "As with a power cut: the run resumes at the unfinished launch",
    code: "device-lost",
    message: "the device rebooted meanwhile",
    shownOn: "emulated",
  },
  {
    id: "frozen-for-a-while",
    fault: "Device frozen for some seconds",
    kept: "Everything: the launch goes on and finishes",
    code: null,
    message: "link lost (timeout)",
    shownOn: "emulated",
  },
  {
    id: "frozen-for-ever",
    fault: "Device frozen for ever",
    kept: "Every finished launch. The wait ends at the link's limit",
    code: "device-offline",
    message: "no answer for",
    shownOn: "emulated",
  },
  {
    id: "network-lost-for-a-while",
    fault: "Network lost for 5 s, or a cable pulled and plugged in again",
    kept: "Everything: the launch runs detached, the harness reconnects and fetches its result",
    code: null,
    message: "link lost",
    shownOn: "emulated",
  },
  {
    id: "network-lost-for-ever",
    fault: "Network lost for ever",
    kept: "Every finished launch. What runs on the device ends there at its own time limit",
    code: "device-offline",
    message: "no answer for",
    shownOn: "emulated",
  },
  {
    id: "adb-server-killed",
    fault: "adb server killed in the middle of a launch",
    kept: "Everything: a server is started, the device connected again, and the launch finishes",
    code: null,
    message: "link lost",
    shownOn: "emulated",
  },
  {
    id: "disk-full-at-push",
    fault: "Disk full at a push",
    kept:
      "Every finished launch; cached files that this run has not used are dropped to make room first. No partial file stays",
    code: "no-space",
    message: "MiB free, expected",
    shownOn: "emulated",
  },
  {
    id: "disk-full-in-launch",
    fault: "Disk full in the middle of a launch",
    kept: "Every finished launch. A cut result is never taken for a whole one",
    code: "no-space",
    message: "no space left on the device",
    shownOn: "emulated",
  },
  {
    id: "out-of-memory",
    fault: "Out of memory: the system kills the runner",
    kept: "Every finished launch, and the last lines of its stderr",
    code: "runner-failed",
    message: "killed by SIGKILL",
    shownOn: "emulated",
  },
  {
    id: "runner-killed",
    fault: "Runner killed by somebody",
    kept: "Every finished launch, and the last lines of its stderr",
    code: "runner-failed",
    message: "killed by SIGKILL",
    shownOn: "emulated",
  },
  {
    id: "watcher-killed",
    fault: "Runner and the script that watches it killed together",
    kept: "Every finished launch, and the last lines of its stderr",
    code: "runner-failed",
    message: "vanished without an exit code",
    shownOn: "emulated",
  },
  {
    id: "illegal-instruction",
    fault: "Instruction that this CPU does not have (SIGILL)",
    kept: "Every finished launch",
    code: "runner-failed",
    message: "killed by SIGILL, exit code 132",
    shownOn: "emulated",
  },
  {
    id: "crash",
    fault: "Runner crashes (SIGSEGV)",
    kept: "Every finished launch, and the last lines of its stderr",
    code: "runner-failed",
    message: "killed by SIGSEGV, exit code 139",
    shownOn: "emulated",
  },
  {
    id: "noexec",
    fault: "Target folder is mounted noexec",
    kept: "Every finished launch",
    code: "device-unsuitable",
    message: "not mounted noexec",
    shownOn: "emulated",
  },
  {
    id: "wrong-machine",
    fault: "Program is for another CPU",
    kept: "Everything: it is refused before it is pushed",
    code: "device-unsuitable",
    message: "expected arm64",
    shownOn: "emulated",
  },
  {
    id: "too-slow",
    fault: "Launch takes longer than its time limit",
    kept:
      "Every finished launch. The program is killed on the device, also when no harness comes back",
    code: "timeout",
    message: "still running after",
    shownOn: "emulated",
  },
  {
    id: "result-truncated",
    fault: "Result file truncated after the end",
    kept: "Every finished launch. A cut result is never taken for a whole one",
    code: "bad-device-output",
    message: "it was cut or changed after the end",
    shownOn: "emulated",
  },
  {
    id: "result-corrupted",
    fault: "Result file changed after the end, at the same length",
    kept: "Every finished launch. A changed result is never taken for a true one",
    code: "bad-device-output",
    message: "it was cut or changed after the end",
    shownOn: "emulated",
  },
  {
    id: "end-marker-corrupted",
    fault: "File with the end marker truncated",
    kept: "Every finished launch",
    code: "bad-device-output",
    message: "expected an end marker and a hash",
    shownOn: "emulated",
  },
  {
    id: "hostile-output",
    fault:
      "Output with hostile bytes: zero bytes, broken UTF-8, escape sequences, forged end markers",
    kept:
      "Everything: the output arrives as it is, what is no UTF-8 as U+FFFD; messages show control characters as \\xNN",
    code: "runner-failed",
    message: "exit code 1 (\\x1b[2J",
    shownOn: "emulated",
  },
  {
    id: "clock-jumps",
    fault: "Device clock jumps by years, both ways",
    kept:
      "Everything: no time is taken from it, waits follow the host's monotonic clock, ages the device's uptime",
    code: null,
    message: "",
    shownOn: "emulated",
  },
  {
    id: "second-harness",
    fault: "Second harness on the same phone",
    kept: "The first run, undisturbed. The second waits, then says who holds the phone",
    code: "device-busy",
    message: "found it locked by",
    shownOn: "emulated",
  },
  {
    id: "dead-harness",
    fault: "Harness died in the middle of a launch and left its lock",
    kept: "The phone: the stale lock is broken, what still ran is ended, its folder removed",
    code: null,
    message: "gave no sign of life",
    shownOn: "emulated",
  },
  {
    id: "not-there",
    fault: "Device not there at the start",
    kept: "Nothing has begun",
    code: "device-not-found",
    message: "the adb server knows no such device",
    shownOn: "scripted",
  },
  {
    id: "unauthorized",
    fault: "Device does not trust this computer",
    kept: "Nothing has begun",
    code: "device-unauthorized",
    message: "accept the prompt on its screen",
    shownOn: "scripted",
  },
  {
    id: "key-a-moment-later",
    fault:
      "Device over the network does not know this computer's key until a moment after the connection, as in a farm",
    kept: "Everything: the device is connected again until it does, for ten seconds",
    code: null,
    message: "",
    shownOn: "scripted",
  },
  {
    id: "server-elsewhere",
    fault: "adb server that ADB_SERVER_SOCKET names is on another machine and does not answer",
    kept: "Nothing has begun. No second server is started beside it",
    code: "missing-tool",
    message: "start one there",
    shownOn: "scripted",
  },
  {
    id: "offline",
    fault: "Device offline at the start",
    kept: "Nothing has begun",
    code: "device-offline",
    message: "unplug it and plug it in again",
    shownOn: "scripted",
  },
  {
    id: "no-exit-code",
    fault: "Stream ends without an exit code",
    kept: "Every finished launch. Output without an exit code is a failure, never a success",
    code: "device-lost",
    message: "the connection broke off",
    shownOn: "scripted",
  },
  {
    id: "old-adbd",
    fault: "adbd without shell protocol v2 (Android 6 and older): exit codes can't be trusted",
    kept: "Nothing has begun",
    code: "device-unsuitable",
    message: "shell protocol v2",
    shownOn: "scripted",
  },
] as const satisfies readonly Fault[];

/** All rows. */
export const FAULTS = [...PHONE_FAULTS, ...BOARD_FAULTS];

/** Id of a row. */
export type FaultId = typeof FAULTS[number]["id"];

/** Returns the table as the text of `FAULTS.md`. */
export function faultsMarkdown(faults: readonly Fault[] = FAULTS): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const rows = faults.map((fault) =>
    `| ${cell(fault.fault)} | ${cell(fault.kept)} | ${
      fault.code === null ? "none: it finishes" : `\`${fault.code}\``
    } | ${fault.message === "" ? "" : `… ${cell(fault.message)} …`} | ${fault.shownOn} |`
  );
  return `<!-- deno-fmt-ignore-file -->

# Faults of phones and boards

What is kept and what the user reads when something happens to a phone or a board in the middle of a run. Every row of a phone is made to happen by \`faults_test.ts\`, on the
emulated phone (\`emulated\`) or with a scripted adb server where a real one can't be made to show it (\`scripted\`); every row of a board by \`ssh/faults_test.ts\`, with a real ssh
server on this machine (\`sshd\`) or, by \`ssh/emulated_board_test.ts\`, on the emulated board (\`board\`). This file is printed from \`faults.ts\`: \`deno run --allow-write=harness/device harness/device/testdata/faults.ts\`.

| fault | what is kept | error | message | shown on |
|---|---|---|---|---|
${rows.join("\n")}
`;
}

if (import.meta.main) {
  Deno.writeTextFileSync(new URL("../FAULTS.md", import.meta.url), faultsMarkdown());
}
