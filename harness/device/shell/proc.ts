/**
 * Readers of Linux' `/proc` and `/sys` text, for phones and for this machine: pure.
 *
 * @module
 */
import type { CoreSchema, DeviceState } from "../../record/device.ts";
import type { z } from "zod";
import { integerOrNull, textOrNull } from "./sections.ts";

/** Shell lines of the sections `online` and `cores`, see `parseCores`. */
export const CORES_LINES = `section online; cat /sys/devices/system/cpu/online
section cores
for c in /sys/devices/system/cpu/cpu[0-9]*; do
  first $c/cpufreq/cpuinfo_max_freq; a=$v; first $c/cpufreq/cpuinfo_min_freq; b=$v
  first $c/cpufreq/scaling_governor; g=$v; first $c/regs/identification/midr_el1
  echo "\${c##*cpu} $a $b $g $v"
done
`;

/**
 * Shell lines of the sections `frequencies` and `zones`, see `parseFrequencies` and
 * `parseThermalZones`.
 */
export const FREQUENCY_AND_ZONE_LINES = `section frequencies
for c in /sys/devices/system/cpu/cpu[0-9]*; do
  first $c/cpufreq/scaling_cur_freq; a=$v; first $c/cpufreq/scaling_max_freq; b=$v; first $c/cpufreq/scaling_governor
  echo "\${c##*cpu} $a $b $v"
done
section zones
for z in /sys/class/thermal/thermal_zone*; do
  first $z/temp; [ "$v" = - ] && continue; t=$v; first $z/type; echo "$t $v"
done
`;

/**
 * Shell lines of the section `firmware`, see `parseFirmwareThrottling`: a Raspberry Pi's program,
 * or the file of its kernel.
 */
export const FIRMWARE_LINES = `section firmware
vcgencmd get_throttled 2>/dev/null || for f in /sys/devices/platform/soc/soc:firmware/get_throttled; do
  first $f; [ "$v" = - ] || echo "$v"
done
`;

/** What `/proc/cpuinfo` says about one CPU. */
export interface CpuInfo {
  /** Number of the CPU. */
  index: number;
  /** Features (arm) or flags (x86). */
  features: string[];
  /** MIDR part, for instance `0xd0b`; null on x86. */
  part: string | null;
  /** Model name; null where it is not told (most arm64 kernels). */
  modelName: string | null;
}

/**
 * Returns the CPUs of `/proc/cpuinfo`, and its `Hardware` line (old arm kernels), null when there
 * is none.
 */
export function parseCpuInfo(text: string): { cpus: CpuInfo[]; hardware: string | null } {
  const cpus: CpuInfo[] = [];
  let hardware: string | null = null;
  let cpu: CpuInfo | undefined;
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const key = line.slice(0, colon).trim();
    const value = line.slice(colon + 1).trim();
    if (key === "processor" && /^\d+$/.test(value)) {
      cpu = { index: Number(value), features: [], part: null, modelName: null };
      cpus.push(cpu);
    } else if (key === "Hardware") hardware = textOrNull(value);
    else if (cpu === undefined) continue;
    else if (key === "Features" || key === "flags") {
      cpu.features = value.split(/\s+/).filter(Boolean);
    } else if (key === "CPU part") cpu.part = textOrNull(value);
    else if (key === "model name") cpu.modelName = textOrNull(value);
  }
  return { cpus, hardware };
}

/**
 * Returns a line of `/proc/meminfo` in bytes, for instance of `MemTotal`; null when there is none.
 */
export function memInfoBytes(text: string, key: string): number | null {
  const match = new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(text);
  return match ? Number(match[1]) * 1024 : null;
}

/**
 * Returns the load average over one minute, the first number of `/proc/loadavg`; null when
 * unreadable.
 */
export function parseLoad1(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s/.exec(text + " ");
  return match ? Number(match[1]) : null;
}

/** Returns the seconds since boot, the first number of `/proc/uptime`; null when unreadable. */
export function parseUptimeSeconds(text: string): number | null {
  return parseLoad1(text);
}

/**
 * Returns the CPUs of a list as Linux writes it, ascending; null for another text (cpuset(7), "List
 * format").
 *
 * @example
 * ```ts
 * parseCpuList("0-2,5"); // [0, 1, 2, 5]
 * ```
 */
export function parseCpuList(text: string): number[] | null {
  if (!/^\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*$/.test(text.trim())) return null;
  const cpus = text.trim().split(",").flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  });
  return [...new Set(cpus)].sort((a, b) => a - b);
}

/** The cores of a description: those that are online, and the numbers of those that are not. */
type Cores = { cores: z.infer<typeof CoreSchema>[]; offlineCpus: number[] };

/**
 * Returns the cores of a script's sections `cores` and `online`; where the system does not say what
 * is online, all that it has.
 */
export function onlineCores(sections: Map<string, string>, cpus: CpuInfo[]): Cores {
  const all = parseCores(sections.get("cores") ?? "", cpus);
  const online = parseCpuList(sections.get("online") ?? "") ?? [];
  if (!all.some(({ index }) => online.includes(index))) return { cores: all, offlineCpus: [] };
  const [cores, off] = [true, false].map((is) =>
    all.filter(({ index }) => online.includes(index) === is)
  );
  return { cores, offlineCpus: off.map(({ index }) => index) };
}

/**
 * Returns the cores of the scripts' section `cores`: lines `index max min governor midr`, `-` for
 * what can't be read.
 *
 * The part is taken from `/proc/cpuinfo` when it lists the CPU, else from MIDR bits 15 to 4
 * (Arm architecture reference manual, MIDR_EL1.PartNum).
 */
export function parseCores(text: string, cpus: CpuInfo[]): z.infer<typeof CoreSchema>[] {
  const cores: z.infer<typeof CoreSchema>[] = [];
  for (const line of text.split("\n")) {
    const [index, max, min, governor, midr] = line.trim().split(/\s+/);
    if (!/^\d+$/.test(index ?? "")) continue;
    const cpu = cpus.find((cpu) => cpu.index === Number(index));
    const fromMidr = /^0x[0-9a-f]+$/i.test(midr ?? "")
      ? `0x${((Number(midr) >>> 4) & 0xfff).toString(16).padStart(3, "0")}`
      : null;
    cores.push({
      index: Number(index),
      maxFrequencyKHz: integerOrNull(max),
      minFrequencyKHz: integerOrNull(min),
      governor: textOrNull(governor),
      part: cpu?.part ?? fromMidr ?? cpu?.modelName ?? null,
    });
  }
  return cores.sort((a, b) => a.index - b.index);
}

/**
 * Returns the section `frequencies` of the state scripts, lines `index current cap governor`: a
 * value for every number of a CPU up to the highest.
 */
export function parseFrequencies(
  text: string,
): Pick<DeviceState, "frequenciesKHz" | "governors"> & { frequencyCapsKHz: (number | null)[] } {
  const rows = text.split("\n").map((line) => line.trim().split(/\s+/))
    .filter(([index]) => /^\d+$/.test(index))
    .filter(([index]) => index.length <= 4);
  const byCpu: string[][] = [];
  for (const row of rows) byCpu[Number(row[0])] = row;
  // a CPU without a line has a place too: `from` fills it
  const each = Array.from(byCpu, (row: string[] | undefined) => row ?? []);
  return {
    frequenciesKHz: each.map((row) => integerOrNull(row[1])),
    frequencyCapsKHz: each.map((row) => integerOrNull(row[2])),
    governors: each.map((row) => textOrNull(row[3])),
  };
}

/**
 * Zones of Qualcomm's kernels that are battery current (mA), voltages (mV) and charge (percent),
 * though they stand among the thermal ones: `pm8150b-ibat-lvl0`, `pm8150b-vbat-lvl0`,
 * `pm8150l-vph-lvl0`, `pm8150b-bcl-lvl0`, `soc`, `socd`.
 */
const NO_TEMPERATURE = /(^|[-_])(ibat|vbat|vph|bcl)([-_]|$)|^socd?$/i;

/**
 * Returns the section `zones` of the state scripts in degrees Celsius: lines `temperature type`.
 *
 * Kernels give millidegrees; some vendors tenths or whole degrees. What is left outside of -40 to
 * 200 °C (a sensor that is off reads 0, -273000 or 2147483647) is dropped.
 */
export function parseThermalZones(text: string): DeviceState["temperatures"] {
  const zones: DeviceState["temperatures"] = [];
  for (const line of text.split("\n")) {
    const match = /^(-?\d+)\s+(\S.*)$/.exec(line.trim());
    if (!match) continue;
    const raw = Number(match[1]);
    if (raw === 0 || NO_TEMPERATURE.test(match[2].trim())) continue;
    const tempC = Math.abs(raw) >= 1000 ? raw / 1000 : Math.abs(raw) > 200 ? raw / 10 : raw;
    if (tempC < -40 || tempC > 200) continue;
    zones.push({ zone: match[2].trim(), tempC });
  }
  return zones;
}

/**
 * Bits of a Raspberry Pi's `get_throttled`; the same 16 higher up: at some time since boot
 * (https://www.raspberrypi.com/documentation/computers/os.html#get_throttled).
 */
const THROTTLED_BITS = ["under-voltage", "frequency-capped", "throttled", "soft-temperature-limit"];

/**
 * Returns why the firmware slows the CPU down, from the section `firmware`: `throttled=0x50005` of
 * `vcgencmd`, `50005` of the kernel's file; null when it tells nothing.
 */
export function parseFirmwareThrottling(
  text: string,
): { now: string[]; sinceBoot: string[] } | null {
  const match = /^(?:throttled=)?(?:0x)?([0-9a-f]{1,8})$/im.exec(text.trim());
  if (match === null) return null;
  const bits = parseInt(match[1], 16);
  return {
    now: THROTTLED_BITS.filter((_, bit) => bits >> bit & 1),
    sinceBoot: THROTTLED_BITS.filter((_, bit) => bits >> (bit + 16) & 1),
  };
}

/** Ticks of `/proc/stat` in a second: the kernel's interface has had 100 for ever (USER_HZ). */
const TICKS_PER_SECOND = 100;

/**
 * Returns the time since boot that a hypervisor gave to others while this machine wanted to run,
 * summed over the CPUs, from `/proc/stat` (proc(5), `steal`); null when it can't be read.
 */
export function parseStealSeconds(stat: string): number | null {
  const ticks = /^cpu\s+(?:\d+ ){7}(\d+)/m.exec(stat);
  return ticks ? Number(ticks[1]) / TICKS_PER_SECOND : null;
}

/** CPU time of one process: what `/proc/<pid>/stat` says. */
interface ProcessTime {
  name: string;
  ticks: number;
}

/**
 * Returns the processes of concatenated `/proc/<pid>/stat` lines by pid (proc(5): comm may hold
 * blanks and parentheses).
 */
function parseProcessTimes(text: string): Map<number, ProcessTime> {
  const processes = new Map<number, ProcessTime>();
  for (const line of text.split("\n")) {
    const open = line.indexOf("(");
    const close = line.lastIndexOf(")");
    if (open < 0 || close < open) continue;
    const pid = Number(line.slice(0, open).trim());
    const fields = line.slice(close + 1).trim().split(/\s+/);
    const ticks = Number(fields[11]) + Number(fields[12]);
    if (!Number.isInteger(pid) || !Number.isFinite(ticks)) continue;
    processes.set(pid, { name: line.slice(open + 1, close), ticks });
  }
  return processes;
}

/**
 * Returns the ticks of all CPUs together, idle ones included: the first line of `/proc/stat`; null
 * when unreadable.
 */
function parseTotalTicks(text: string): number | null {
  const match = /^cpu\s+([\d ]+)/m.exec(text);
  if (!match) return null;
  // user nice system idle iowait irq softirq steal; guest times are already within user and nice
  return match[1].trim().split(/\s+/).slice(0, 8).reduce((sum, ticks) => sum + Number(ticks), 0);
}

/**
 * Returns the busiest processes between two samples, busiest first, as share of one core in
 * percent; null when the samples can't be read or no time passed between them.
 *
 * @param before `/proc/stat` and every `/proc/<pid>/stat`, one after the other
 * @param after the same, some time later
 * @param atLeast CPUs, where `/proc/stat` does not list them
 */
export function busiestProcesses(
  before: string,
  after: string,
  atLeast: number,
  atMost = 5,
): DeviceState["topProcesses"] {
  const [ticks0, ticks1] = [parseTotalTicks(before), parseTotalTicks(after)];
  // the total is that of the CPUs that are online
  const cpuCount = [...after.matchAll(/^cpu\d+ /gm)].length || atLeast;
  if (ticks0 === null || ticks1 === null || ticks1 <= ticks0 || cpuCount < 1) return null;
  const started = parseProcessTimes(before);
  const rows: { name: string; cpuPercent: number }[] = [];
  for (const [pid, process] of parseProcessTimes(after)) {
    const ticks = process.ticks - (started.get(pid)?.ticks ?? 0);
    if (ticks <= 0) continue;
    const cpuPercent = Math.round(1000 * cpuCount * ticks / (ticks1 - ticks0)) / 10;
    rows.push({ name: process.name, cpuPercent });
  }
  return rows.sort((a, b) => b.cpuPercent - a.cpuPercent).slice(0, atMost);
}

/**
 * Returns the free bytes of `df -k` (toybox, coreutils); null when its last line is not a file
 * system.
 */
export function parseFreeBytes(text: string): number | null {
  const lines = text.trim().split("\n");
  // A long name of the file system may stand on a line of its own.
  const match = /(\d+)\s+(\d+)\s+(\d+)\s+\d+%\s+\S/.exec(lines.slice(1).join(" "));
  return match ? Number(match[3]) * 1024 : null;
}
