/**
 * What this machine is and how it is: scripts that read it (Linux, macOS), and pure readers of
 * their output.
 *
 * Deno gives `/proc` and `/sys` only to programs with all permissions, so that a shell reads them.
 *
 * @module
 */
import {
  ABILITIES,
  type DeviceDescription,
  type DeviceState,
  unknownState,
} from "../../record/device.ts";
import { bigCoreMask, commonCpuFeatures } from "../cores.ts";
import {
  busiestProcesses,
  CORES_LINES,
  FIRMWARE_LINES,
  FREQUENCY_AND_ZONE_LINES,
  memInfoBytes,
  onlineCores,
  parseCpuInfo,
  parseFirmwareThrottling,
  parseFrequencies,
  parseLoad1,
  parseStealSeconds,
  parseThermalZones,
  parseUptimeSeconds,
} from "../shell/proc.ts";
import { integerOrNull, SECTION_PRELUDE, splitSections, textOrNull } from "../shell/sections.ts";

/** Script that describes a Linux machine. */
export const LINUX_DESCRIBE_SCRIPT = `${SECTION_PRELUDE}
section kernel; uname -r
section machine; uname -m
section uid; id -u
section release; cat /etc/os-release
section model; first /sys/class/dmi/id/product_name; echo "$v"
section vendor; first /sys/class/dmi/id/sys_vendor; echo "$v"
section tree; first /proc/device-tree/model; echo "$v"
section compatible; tr '\\0' '\\n' 2>/dev/null </proc/device-tree/compatible | tail -n 1
section cmdline; cat /proc/cmdline
section cpuinfo; cat /proc/cpuinfo
section meminfo; cat /proc/meminfo
${CORES_LINES}
section end
exit 0
`;

/**
 * Script that reads the state of a Linux machine; takes a tenth of a second (ten ticks) for the
 * busiest processes.
 */
export const LINUX_STATE_SCRIPT = `${SECTION_PRELUDE}
section processes; cat /proc/stat /proc/[0-9]*/stat
section uptime; cat /proc/uptime
section loadavg; cat /proc/loadavg
section meminfo; cat /proc/meminfo
${FREQUENCY_AND_ZONE_LINES}
${FIRMWARE_LINES}
sleep 0.1
section processes2; cat /proc/stat /proc/[0-9]*/stat
section end
exit 0
`;

/** Script that describes a Mac. */
export const DARWIN_DESCRIBE_SCRIPT = `${SECTION_PRELUDE}
section kernel; uname -r
section machine; uname -m
section uid; id -u
section release; sw_vers -productVersion
section sysctl; sysctl hw.model hw.memsize hw.ncpu hw.perflevel0.logicalcpu machdep.cpu.brand_string machdep.cpu.features machdep.cpu.leaf7_features hw.optional
exit 0
`;

/** Script that reads the state of a Mac: what it tells without rights. */
export const DARWIN_STATE_SCRIPT = `${SECTION_PRELUDE}
section sysctl; sysctl hw.ncpu vm.loadavg kern.boottime
section now; date +%s
exit 0
`;

/** What a machine's own output does not tell: its name, how it is reached, what it can. */
export type MachineIdentity = Pick<
  DeviceDescription,
  "serial" | "kind" | "target" | "defaultPowersave" | "passivelyCooled"
>;

/** This machine. */
const THIS_MACHINE: MachineIdentity = { serial: "host", kind: "host", ...ABILITIES.host };

/**
 * Returns the description of a Linux machine from the output of {@linkcode LINUX_DESCRIBE_SCRIPT}.
 *
 * @param identity default: this machine
 */
export function parseLinuxDescription(
  output: string,
  identity: MachineIdentity = THIS_MACHINE,
): DeviceDescription {
  const sections = splitSections(output);
  const { cpus, hardware } = parseCpuInfo(sections.get("cpuinfo") ?? "");
  const { cores, offlineCpus } = onlineCores(sections, cpus);
  const release = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(sections.get("release") ?? "");
  const uid = integerOrNull(sections.get("uid"));
  return {
    ...identity,
    emulated: isEmulatedLinux(sections),
    model: textOrNull(sections.get("model")) ??
      textOrNull(sections.get("tree")?.replaceAll("\0", "")),
    manufacturer: textOrNull(sections.get("vendor")),
    // The last name of a device tree is the SoC's: `brcm,bcm2712`.
    soc: cpus.find((cpu) => cpu.modelName !== null)?.modelName ?? hardware ??
      textOrNull(sections.get("compatible")?.replace(",", " ")),
    os: textOrNull(release?.[1]),
    buildFingerprint: textOrNull(sections.get("kernel")),
    kernel: textOrNull(sections.get("kernel")),
    abi: textOrNull(sections.get("machine")) ?? "unknown",
    ...{ cores, offlineCpus },
    bigCoreMask: bigCoreMask(cores),
    memoryBytes: memInfoBytes(sections.get("meminfo") ?? "", "MemTotal"),
    cpuFeatures: commonCpuFeatures(cpus.map((cpu) => cpu.features)),
    rooted: uid === null ? null : uid === 0,
  };
}

/**
 * Returns true when instructions are translated by software: QEMU's own CPU model, a CPU of another
 * maker than the kernel's machine has (qemu-user, Rosetta), or a kernel that was told so by
 * `posemark.emulated=1`.
 *
 * A virtual machine on its host's CPU is none: its times are that CPU's.
 */
function isEmulatedLinux(sections: ReadonlyMap<string, string>): boolean {
  const cpuinfo = sections.get("cpuinfo") ?? "";
  const isArm = /^(aarch64|arm)/.test(sections.get("machine") ?? "");
  return /(^|\s)posemark\.emulated=1(\s|$)/.test(sections.get("cmdline") ?? "") ||
    /^model name\s*:\s*(QEMU|VirtualApple)/m.test(cpuinfo) ||
    (isArm && /^vendor_id\s*:\s*(GenuineIntel|AuthenticAMD)/m.test(cpuinfo));
}

/**
 * Returns the state of a Linux machine from the output of {@linkcode LINUX_STATE_SCRIPT}.
 *
 * @param at host clock when the script began, ISO 8601
 */
export function parseLinuxState(output: string, at: string): DeviceState {
  const sections = splitSections(output);
  const frequencies = parseFrequencies(sections.get("frequencies") ?? "");
  return {
    ...unknownState(at),
    ...frequencies,
    temperatures: parseThermalZones(sections.get("zones") ?? ""),
    firmwareThrottling: parseFirmwareThrottling(sections.get("firmware") ?? ""),
    stealSeconds: parseStealSeconds(sections.get("processes2") ?? ""),
    topProcesses: busiestProcesses(
      sections.get("processes") ?? "",
      sections.get("processes2") ?? "",
      frequencies.frequenciesKHz.length,
    ),
    freeMemoryBytes: memInfoBytes(sections.get("meminfo") ?? "", "MemAvailable"),
    load1: parseLoad1(sections.get("loadavg") ?? ""),
    uptimeSeconds: parseUptimeSeconds(sections.get("uptime") ?? ""),
  };
}

/** Returns the value of a line `key: value` of sysctl; null when there is none. */
function sysctlValue(text: string, key: string): string | null {
  const line = text.split("\n").find((line) => line.startsWith(`${key}:`));
  return textOrNull(line?.slice(key.length + 1));
}

/** Linux' name of each Arm feature that macOS lists under `hw.optional.arm`. */
const DARWIN_ARM_FEATURES: Record<string, string> = {
  FEAT_FP16: "asimdhp",
  FEAT_DotProd: "asimddp",
  FEAT_FHM: "asimdfhm",
  FEAT_I8MM: "i8mm",
  FEAT_BF16: "bf16",
  FEAT_SME: "sme",
  FEAT_SME2: "sme2",
};

/** Returns the description of a Mac from the output of {@linkcode DARWIN_DESCRIBE_SCRIPT}. */
export function parseDarwinDescription(output: string): DeviceDescription {
  const sections = splitSections(output);
  const sysctl = sections.get("sysctl") ?? "";
  const count = integerOrNull(sysctlValue(sysctl, "hw.ncpu") ?? undefined) ?? 0;
  const machine = textOrNull(sections.get("machine")) ?? "unknown";
  const features = Object.entries(DARWIN_ARM_FEATURES)
    .filter(([name]) => sysctlValue(sysctl, `hw.optional.arm.${name}`) === "1")
    .map(([, feature]) => feature);
  if (machine === "arm64") features.push("asimd");
  const x86 = `${sysctlValue(sysctl, "machdep.cpu.features") ?? ""} ${
    sysctlValue(sysctl, "machdep.cpu.leaf7_features") ?? ""
  }`;
  features.push(
    ...x86.toLowerCase().split(/\s+/).map((name) => name === "avx1.0" ? "avx" : name),
  );
  const uid = integerOrNull(sections.get("uid"));
  return {
    ...THIS_MACHINE,
    emulated: false,
    model: sysctlValue(sysctl, "hw.model"),
    manufacturer: "Apple",
    soc: sysctlValue(sysctl, "machdep.cpu.brand_string"),
    os: sections.has("release") ? `macOS ${sections.get("release")}` : null,
    buildFingerprint: textOrNull(sections.get("kernel")),
    kernel: textOrNull(sections.get("kernel")),
    abi: machine,
    cores: Array.from({ length: count }, (_, index) => ({
      index,
      maxFrequencyKHz: null,
      minFrequencyKHz: null,
      governor: null,
      part: null,
    })),
    bigCoreMask: null,
    memoryBytes: integerOrNull(sysctlValue(sysctl, "hw.memsize") ?? undefined),
    cpuFeatures: commonCpuFeatures([features]),
    rooted: uid === null ? null : uid === 0,
  };
}

/**
 * Returns the state of a Mac from the output of {@linkcode DARWIN_STATE_SCRIPT}: load and uptime,
 * all else is null.
 */
export function parseDarwinState(output: string, at: string): DeviceState {
  const sections = splitSections(output);
  const sysctl = sections.get("sysctl") ?? "";
  const count = integerOrNull(sysctlValue(sysctl, "hw.ncpu") ?? undefined) ?? 0;
  const load = /vm\.loadavg: \{ (\d+[.,]\d+)/.exec(sysctl);
  const boot = /kern\.boottime: \{ sec = (\d+)/.exec(sysctl);
  const now = integerOrNull(sections.get("now"));
  return {
    ...unknownState(at),
    frequenciesKHz: Array(count).fill(null),
    governors: Array(count).fill(null),
    load1: load ? Number(load[1].replace(",", ".")) : null,
    uptimeSeconds: boot && now !== null ? now - Number(boot[1]) : null,
  };
}
