/**
 * Governor and frequencies of a rooted phone: pinned for a run, restored whatever happens.
 *
 * What stood before is written to a file on the phone first. A watcher there puts it back when the
 * harness asks, or when it has given no sign of life for too long (crashed, unplugged). A reboot
 * puts everything back by itself.
 *
 * @module
 */
import { HarnessError } from "../../errors.ts";
import type { ShellSession } from "./session.ts";
import { shellLine } from "./words.ts";
import { integerOrNull, SECTION_PRELUDE, splitSections } from "./sections.ts";
import { type ShellTools, USUAL_TOOLS } from "./tools.ts";

/** What was pinned. */
export interface Pinned {
  /** Frequency of each core, kHz; null for a core that has no cpufreq. */
  frequenciesKHz: (number | null)[];
}

/** How a pin is asked for. */
export interface PinOptions {
  /** Each core gets its highest frequency of at most this share of its maximum. */
  share: number;
}

/**
 * The share that runs use: at full clock a phone heats and throttles within minutes, at three
 * quarters it mostly does not.
 */
export const PIN_OPTIONS: PinOptions = { share: 0.75 };

/**
 * Returns the shell lines that put back what {@linkcode pinLines} saved; nothing when nothing is
 * saved, or it is of an earlier boot.
 */
export function restoreLines(root: string): string {
  const q = (name: string) => shellLine([`${root}/${name}`]);
  return `b=; read -r b </proc/sys/kernel/random/boot_id
if [ -s ${q("pin")} ]; then
  read -r saved <${q("pin")}
  [ "$saved" = "boot $b" ] && while read -r f g lo hi; do
    [ "$f" = boot ] && continue
    # Widened before it is narrowed: the kernel refuses a minimum above the maximum.
    echo $lo >$f/scaling_min_freq; echo $hi >$f/scaling_max_freq; echo $lo >$f/scaling_min_freq; echo $g >$f/scaling_governor
  done <${q("pin")}
  rm -f ${q("pin")}
fi
`;
}

/**
 * Returns the shell lines that save and pin every core, start the watcher, and print the
 * frequencies as `index kHz`.
 *
 * @param staleSeconds age of the lock's sign of life from which the watcher restores
 */
export function pinLines(
  root: string,
  share: number,
  staleSeconds: number,
  tools: ShellTools = USUAL_TOOLS,
): string {
  const q = (name: string) => shellLine([`${root}/${name}`]);
  const perMille = Math.round(share * 1000);
  const watch = `while [ -e ${q("pin")} ]; do
  sleep 2; s=0; read -r s x <${q("lock/sign")}; read -r u x </proc/uptime; u=\${u%%.*}
  [ $((u - s)) -le ${staleSeconds} ] || break
done
${restoreLines(root)}`;
  return `${SECTION_PRELUDE}${restoreLines(root)}
b=; read -r b </proc/sys/kernel/random/boot_id
echo "boot $b" >${q("pin.new")}
for f in /sys/devices/system/cpu/cpu[0-9]*/cpufreq; do
  first $f/scaling_governor; g=$v; first $f/scaling_min_freq; lo=$v; first $f/scaling_max_freq; [ "$v" = - ] || echo "$f $g $lo $v" >>${
    q("pin.new")
  }
done
mv ${q("pin.new")} ${q("pin")} || exit 1
${tools.setsid} sh -c ${shellLine([watch])} </dev/null >/dev/null 2>&1 &
section pinned
for f in /sys/devices/system/cpu/cpu[0-9]*/cpufreq; do
  c=\${f%/cpufreq}; c=\${c##*cpu}
  first $f/cpuinfo_max_freq; max=$v; first $f/cpuinfo_min_freq; [ "$max" = - ] && continue
  want=$((max / 1000 * ${perMille})); best=$v
  first $f/scaling_available_frequencies
  if [ "$v" = - ]; then best=$want; else for k in $v; do [ $k -le $want ] && [ $k -gt $best ] && best=$k; done; fi
  first $f/cpuinfo_min_freq; echo $v >$f/scaling_min_freq; echo $best >$f/scaling_max_freq; echo $best >$f/scaling_min_freq
  first $f/scaling_available_governors
  case " $v " in *" performance "*) echo performance >$f/scaling_governor ;; esac
  first $f/scaling_max_freq; hi=$v; first $f/scaling_min_freq
  echo "$c $hi $v"
done
section end
exit 0
`;
}

/**
 * Returns the pinned frequencies from the output of {@linkcode pinLines}; a core whose bounds
 * differ is not pinned and null.
 */
export function parsePinned(output: string): Pinned | null {
  const sections = splitSections(output);
  if (!sections.has("end")) return null;
  const frequenciesKHz: (number | null)[] = [];
  for (const line of (sections.get("pinned") ?? "").split("\n")) {
    const [index, max, min] = line.trim().split(/\s+/).map((word) => integerOrNull(word));
    if (index === null || index === undefined || index > 1023) continue;
    while (frequenciesKHz.length < index) frequenciesKHz.push(null);
    frequenciesKHz[index] = max !== null && max === min ? max : null;
  }
  return { frequenciesKHz };
}

/**
 * Returns the shell line that runs lines as root on this device; throws `device-unsuitable` when
 * there is no way.
 */
async function asRoot(session: ShellSession): Promise<(lines: string) => string> {
  const ways: ((lines: string) => string)[] = [
    (lines) => shellLine(["sh", "-c", lines]),
    (lines) => shellLine(["sudo", "-n", "sh", "-c", lines]),
    (lines) => shellLine(["su", "-c", lines]),
    (lines) => shellLine(["su", "0", "sh", "-c", lines]),
  ];
  for (const way of ways) {
    const result = await session.steady(
      "become root",
      () => session.once("become root", way("id -u")),
    );
    if (result.exitCode === 0 && result.stdout.trim() === "0") return way;
  }
  throw new HarnessError(
    "device-unsuitable",
    `Cannot pin frequencies of device "${session.serial}": neither is its shell root nor does it have su, or sudo without a password: run without --root`,
  );
}

/**
 * Pins governor and frequencies, and returns what was pinned and the way back; the phone also finds
 * it by itself.
 *
 * Throws `device-unsuitable` without root, or when no core could be pinned.
 */
export async function pinFrequencies(
  session: ShellSession,
  root: string,
  options: PinOptions = PIN_OPTIONS,
): Promise<Pinned & { restore(): Promise<void> }> {
  const way = await asRoot(session);
  const restore = async () => {
    await session.shell("restore frequencies", way(restoreLines(root)));
  };
  const staleSeconds = Math.ceil(session.times.lockStaleMs / 1000);
  const output = await session.shell(
    "pin frequencies",
    way(pinLines(root, options.share, staleSeconds, session.tools)),
  );
  const pinned = parsePinned(output);
  if (pinned === null || pinned.frequenciesKHz.every((frequency) => frequency === null)) {
    await restore();
    throw new HarnessError(
      "device-unsuitable",
      `Cannot pin frequencies of device "${session.serial}": found no core whose bounds could be set, expected writable cpufreq files: run without --root`,
    );
  }
  return { ...pinned, restore };
}
