/**
 * CPU cores: which are big, which features matter to ncnn, and how many threads make sense.
 *
 * @module
 */
import { HarnessError, type Warning } from "../errors.ts";
import type { DeviceDescription } from "../record/device.ts";

/**
 * CPU features that select another code path in ncnn, or that explain a speed, in the order of the
 * table.
 *
 * Names are those of `/proc/cpuinfo` (Features on arm64, flags on x86); `asimdhp` is fp16
 * arithmetic, `asimddp` the dot product, `asimdfhm` fp16 to fp32 multiply-add.
 */
export const CPU_FEATURES_THAT_MATTER: readonly string[] = [
  ...["asimd", "asimdhp", "asimddp", "asimdfhm", "i8mm", "bf16", "svei8mm", "svebf16"],
  ...["sve", "sve2", "sme", "sme2", "neon", "vfpv4"],
  ...["sse4_2", "avx", "avx2", "fma", "f16c", "xop", "avx_vnni", "avx_vnni_int8", "avx_ne_convert"],
  ...["avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16"],
  ...["amx_tile", "amx_int8", "amx_bf16"],
];

/**
 * Returns the features that all cores share, of those that matter, in the order of {@linkcode
 * CPU_FEATURES_THAT_MATTER}. A feature that a core lacks can't be used: threads move between cores.
 */
export function commonCpuFeatures(featuresPerCore: string[][]): string[] {
  if (featuresPerCore.length === 0) return [];
  return CPU_FEATURES_THAT_MATTER.filter((name) =>
    featuresPerCore.every((features) => features.includes(name))
  );
}

/**
 * Returns the mask of the big cores as hexadecimal digits without a prefix, of those whose maximum
 * is known; null when none is.
 *
 * A big core has a maximum frequency of at least (lowest + highest) / 2 over all cores' maxima, as
 * ncnn counts them (`cpu.cpp`, `setup_thread_affinity_masks`, commit a4d2ea1d): where all are
 * alike, all are big.
 *
 * @example
 * ```ts
 * bigCoreMask([{ index: 0, maxFrequencyKHz: 1_800_000 }, { index: 1, maxFrequencyKHz: 2_800_000 }]); // "2"
 * ```
 */
export function bigCoreMask(
  cores: readonly { index: number; maxFrequencyKHz: number | null }[],
): string | null {
  const known = cores.flatMap(({ index, maxFrequencyKHz: khz }) =>
    khz === null ? [] : [{ index, khz }]
  );
  if (known.length === 0) return null;
  const maxima = known.map(({ khz }) => khz);
  const middle = (Math.min(...maxima) + Math.max(...maxima)) / 2;
  let mask = 0n;
  for (const { index, khz } of known) if (khz >= middle) mask |= 1n << BigInt(index);
  return mask.toString(16);
}

/**
 * Returns the indices of the CPUs in a hexadecimal mask, ascending. Throws `RangeError` when it is
 * not one.
 */
export function coresInMask(mask: string): number[] {
  const digits = mask.replace(/^0x/i, "");
  if (!/^[0-9a-f]{1,64}$/i.test(digits)) {
    throw new RangeError(`Cannot read core mask "${mask}": expected hexadecimal digits, e.g. f0`);
  }
  const cores: number[] = [];
  for (let bits = BigInt(`0x${digits}`), i = 0; bits > 0n; bits >>= 1n, i++) {
    if (bits & 1n) cores.push(i);
  }
  return cores;
}

/** Throws `HarnessError` `bad-option` when none of the mask's CPUs is online on the device. */
export function requireCores(
  { cores, serial, offlineCpus = [] }: Pick<DeviceDescription, "cores" | "serial" | "offlineCpus">,
  mask: string,
): void {
  const asked = coresInMask(mask);
  if (cores.length === 0 || cores.some(({ index }) => asked.includes(index))) return;
  throw new HarnessError(
    "bad-option",
    `Cannot use --core-mask ${mask} on ${serial}: ${
      asked.length === 0 ? "it names no CPU" : `it names CPU ${asked.join(", ")}`
    }, the device has CPU ${cores.map(({ index }) => index).join(", ")}${
      offlineCpus.length === 0 ? "" : `, and CPU ${offlineCpus.join(", ")} is offline`
    }: give a mask of CPUs that exist`,
  );
}

/**
 * Returns the warnings about a number of threads on the cores that they may run on; empty when all
 * is well.
 *
 * @param cores the device's description, of which `cores` and `bigCoreMask` are used
 * @param threads threads of the network
 * @param where ncnn's powersave (0 all, 1 little, 2 big), or a hexadecimal core mask
 */
export function threadWarnings(
  cores: Pick<DeviceDescription, "cores" | "bigCoreMask" | "serial" | "offlineCpus">,
  threads: number,
  where: { powersave: 0 | 1 | 2 } | { coreMask: string },
): Warning[] {
  const all = cores.cores.map((core) => core.index);
  let allowed = all;
  let which = "all cores";
  if ("coreMask" in where) {
    const asked = coresInMask(where.coreMask);
    allowed = asked.filter((index) => all.includes(index));
    which = `core mask ${where.coreMask}`;
    const offline = asked.filter((index) => cores.offlineCpus?.includes(index));
    if (offline.length > 0) {
      return [{
        code: "core-mask-offline-core",
        message: `${cores.serial}: core mask ${where.coreMask} names CPU ${
          offline.join(", ")
        }, which is offline: the run has ${allowed.length} of the ${asked.length} CPUs.`,
        advice: "Switch it on, or give a mask of the CPUs that are online.",
      }];
    }
    const missing = asked.filter((index) => !all.includes(index));
    if (missing.length > 0) {
      return [{
        code: "core-mask-without-core",
        message: `${cores.serial}: core mask ${where.coreMask} names CPU ${
          missing.join(", ")
        }, the device has ${all.length} CPUs.`,
        advice: "Give a mask of CPUs that exist; `deno task devices` lists them.",
      }];
    }
  } else if (where.powersave > 0) {
    if (cores.bigCoreMask === null) return [];
    const big = coresInMask(cores.bigCoreMask);
    const little = all.filter((index) => !big.includes(index));
    // Where all cores are alike, ncnn has no little ones and takes them all.
    allowed = where.powersave === 2 || little.length === 0 ? big : little;
    which = where.powersave === 2 ? "big cores" : "little cores";
  }
  if (allowed.length === 0 || threads <= allowed.length) return [];
  return [{
    code: "more-threads-than-cores",
    message:
      `${cores.serial}: ${threads} threads on ${allowed.length} cores (${which}): threads wait for each other and the run is slower.`,
    advice: `Use --threads ${allowed.length} or fewer, or allow more cores.`,
  }];
}
