/**
 * What a phone is: a script that reads it, and a pure reader of its output.
 *
 * @module
 */
import { ABILITIES, type DeviceDescription } from "../../record/device.ts";
import { bigCoreMask, commonCpuFeatures } from "../cores.ts";
import { CORES_LINES, memInfoBytes, onlineCores, parseCpuInfo } from "../shell/proc.ts";
import { integerOrNull, SECTION_PRELUDE, splitSections, textOrNull } from "../shell/sections.ts";

/** Script that describes a phone; runs in Android's mksh with toybox, without rights. */
export const ANDROID_DESCRIBE_SCRIPT = `${SECTION_PRELUDE}
section uid; id -u
section kernel; uname -r
section machine; uname -m
section su; command -v su
section cpuinfo; cat /proc/cpuinfo
section meminfo; cat /proc/meminfo
${CORES_LINES}
section getprop; getprop
section end
exit 0
`;

/**
 * Returns the properties that `getprop` prints: `[key]: [value]`; values may hold brackets and run
 * over lines.
 */
export function parseGetprop(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const match of text.matchAll(/^\[([^\]\n]+)\]: \[([^]*?)\]$(?=\n\[|\n*$(?![^]))/gm)) {
    properties.set(match[1], match[2]);
  }
  return properties;
}

/**
 * Returns true when the properties are those of an emulated phone: our own (`ro.hardware=emu`),
 * Google's emulators (goldfish, ranchu, Cuttlefish), Genymotion, or any whose fingerprint says so.
 *
 * Their times are no device's and enter no statistics.
 */
export function isEmulated(properties: Map<string, string>): boolean {
  const hardware = properties.get("ro.hardware") ?? "";
  const fingerprint = properties.get("ro.build.fingerprint") ?? "";
  return /^(emu|ranchu|goldfish|cutf(_\w+)?|vbox86\w*|redroid\w*)$/.test(hardware) ||
    properties.get("ro.boot.qemu") === "1" || properties.get("ro.kernel.qemu") === "1" ||
    /^generic[_/]|\/(sdk_|generic_|vbox86)|emulator|sdk_gphone|cuttlefish|redroid/.test(
      fingerprint,
    );
}

/**
 * Returns the SoC as people name it: vendor and model on Android 12 and newer, else the board's
 * platform.
 */
function socOf(properties: Map<string, string>, hardware: string | null): string | null {
  const model = textOrNull(properties.get("ro.soc.model"));
  const vendor = textOrNull(properties.get("ro.soc.manufacturer"));
  if (model !== null) return vendor === null ? model : `${vendor} ${model}`;
  return hardware ?? textOrNull(properties.get("ro.board.platform")) ??
    textOrNull(properties.get("ro.hardware"));
}

/**
 * Returns the description of a phone from the output of {@linkcode ANDROID_DESCRIBE_SCRIPT}; what
 * it did not tell is null.
 *
 * @param serial as adb knows the device
 */
export function parseAndroidDescription(serial: string, output: string): DeviceDescription {
  const sections = splitSections(output);
  const properties = parseGetprop(sections.get("getprop") ?? "");
  const { cpus, hardware } = parseCpuInfo(sections.get("cpuinfo") ?? "");
  const { cores, offlineCpus } = onlineCores(sections, cpus);
  const uid = integerOrNull(sections.get("uid"));
  return {
    serial,
    kind: "adb",
    ...ABILITIES.adb,
    emulated: isEmulated(properties),
    model: textOrNull(properties.get("ro.product.model")),
    manufacturer: textOrNull(properties.get("ro.product.manufacturer")),
    soc: socOf(properties, hardware),
    os: properties.has("ro.build.version.release")
      ? `Android ${properties.get("ro.build.version.release")}`
      : null,
    buildFingerprint: textOrNull(properties.get("ro.build.fingerprint")),
    kernel: textOrNull(sections.get("kernel")),
    abi: textOrNull(properties.get("ro.product.cpu.abi")) ??
      textOrNull(sections.get("machine")) ?? "unknown",
    ...{ cores, offlineCpus },
    bigCoreMask: bigCoreMask(cores),
    memoryBytes: memInfoBytes(sections.get("meminfo") ?? "", "MemTotal"),
    cpuFeatures: commonCpuFeatures(cpus.map((cpu) => cpu.features)),
    rooted: uid === null ? null : uid === 0 || textOrNull(sections.get("su")) !== null,
  };
}
