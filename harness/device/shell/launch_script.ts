/**
 * The script that runs a launch on the phone, and the reader of what it leaves: pure.
 *
 * @module
 */
import { shellLine } from "./words.ts";
import { SECTION_MARK, splitSections } from "./sections.ts";
import { type ShellTools, USUAL_TOOLS } from "./tools.ts";

/**
 * Returns the shell script that runs a program to its end on the phone, whatever becomes of the
 * link: `sh -c SCRIPT launch PROGRAM ARGUMENT…`.
 *
 * A second session of processes (the dog) kills the program at its time limit, so that a harness
 * that never comes back leaves nothing running. Only built-ins, `tools`, and what both toybox of
 * Android 8 and BusyBox have are used.
 * Each script has the base in a line of its own, by which its process is known: toybox `grep` does
 * not look behind the zero bytes of `/proc/PID/cmdline`. After a launch of a few milliseconds the
 * dog is not yet a session of its own: it is then killed by its number, or else it would later kill
 * whatever has the program's.
 */
export function launchScript(
  base: string,
  limitSeconds: number,
  tools: ShellTools = USUAL_TOOLS,
): string {
  const q = (end: string) => shellLine([`${base}${end}`]);
  const dog = `:
: ${q("")}
sleep ${limitSeconds}; echo late >${q(".late")}; kill -KILL "$1"`;
  // As nohup does, which BusyBox may lack.
  return `trap '' HUP
: ${q("")}
echo $$ >${q(".pid")}
"$@" </dev/null >${q(".out")} 2>${q(".err")} &
child=$!
${tools.setsid} sh -c ${shellLine([dog])} dog $child </dev/null >/dev/null 2>&1 &
dog=$!
echo $dog >${q(".dog")}
wait $child
code=$?
kill -KILL -$dog 2>/dev/null || kill -KILL $dog
sum=$(${tools.sha256} <${q(".out")}); bytes=$(wc -c <${q(".out")})
echo "posemark-end $code $((bytes)) \${sum%% *} end" >${q(".exit.new")} && mv -f ${
    q(".exit.new")
  } ${q(".exit")}
:`;
}

/** How a launch stands. */
export type LaunchStatus =
  | { kind: "starting" | "running" | "gone" }
  | {
    kind: "ended";
    exitCode: number;
    /** Of the standard output's file, as the phone found it. */
    bytes: number;
    sha256: string;
    /** True when the time limit on the phone ended it. */
    late: boolean;
    /** True when the disk took no more after the end: the output may be cut. */
    full: boolean;
    /** Last part of the standard error. */
    stderr: string;
  }
  | { kind: "corrupt"; found: string };

/**
 * Returns how a launch stands, from the output of a look.
 */
export function parseLaunchStatus(output: string): LaunchStatus {
  // The program's own words stand last and are not searched for sections.
  const begin = output.indexOf(ERRORS_MARK);
  const stderr = begin < 0 ? "" : output.slice(begin + ERRORS_MARK.length);
  const sections = splitSections(begin < 0 ? output : output.slice(0, begin));
  const exit = sections.get("exit");
  if (exit !== undefined) {
    const match = /^posemark-end (\d{1,3}) (\d+) ([0-9a-f]{64}) end$/.exec(exit);
    if (!match) return { kind: "corrupt", found: exit.slice(0, 100) };
    return {
      kind: "ended",
      exitCode: Number(match[1]),
      bytes: Number(match[2]),
      sha256: match[3],
      late: sections.get("late") === "1",
      full: sections.get("full") === "1",
      stderr,
    };
  }
  const state = sections.get("state");
  if (state === "running" || state === "starting") return { kind: state };
  return { kind: "gone" };
}

/** Line before the standard error in a look's output. */
const ERRORS_MARK = `${SECTION_MARK}errors\n`;
