/**
 * What a phone is, as words that an engine can match on: `soc.sm8550`, `model.pixel_8`,
 * `android.14`, `phone.r5ct10`.
 *
 * @module
 */
import type { DeviceDescription } from "./device.ts";

/** Keys of features, in the order in which they are listed. */
export const FEATURE_KEYS = ["phone", "soc", "model", "android", "abi", "cpu", "emulated"] as const;
/** See {@linkcode FEATURE_KEYS}. */
export type FeatureKey = typeof FEATURE_KEYS[number];

/**
 * Returns a value as engines take it: lower case, ASCII letters, digits and `_`; `unknown` when
 * nothing is left.
 *
 * @example
 * ```ts
 * featureValue("Pixel 8 Pro"); // "pixel_8_pro"
 * ```
 */
export function featureValue(text: string): string {
  const value = text.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(
    /^_+|_+$/g,
    "",
  );
  return value.slice(0, 60) || "unknown";
}

/**
 * Vendors that Android writes before the SoC's model (`ro.soc.manufacturer`, and older phones'
 * `/proc/cpuinfo`): "QTI SM8550", "Google Tensor G3".
 */
const SOC_VENDOR =
  /^(qti|qualcomm( technologies,? inc\.?)?|google|samsung|mediatek|hisilicon|unisoc|spreadtrum|xiaomi|nvidia|intel|rockchip|amlogic|allwinner)\s+(?=\S)/i;

/** Returns `soc.` features: the whole name, and the model alone where a vendor stands before it. */
export function socFeatures(soc: string): string[] {
  const names = [soc, soc.trim().replace(SOC_VENDOR, "")].map((name) =>
    `soc.${featureValue(name)}`
  );
  return [...new Set(names)];
}

/**
 * Returns the features of a device; what is not known is left out. `soc` may be there twice (see
 * {@linkcode socFeatures}), `cpu` once for each CPU feature; `android` is the version alone.
 */
export function deviceFeatures(device: DeviceDescription): string[] {
  const features = [`phone.${featureValue(device.serial)}`];
  if (device.soc !== null) features.push(...socFeatures(device.soc));
  if (device.model !== null) features.push(`model.${featureValue(device.model)}`);
  if (device.target === "aarch64-android" && device.os !== null) {
    features.push(`android.${featureValue(device.os.replace(/^android\s+/i, ""))}`);
  }
  features.push(`abi.${featureValue(device.abi)}`);
  for (const name of device.cpuFeatures) features.push(`cpu.${featureValue(name)}`);
  if (device.emulated) features.push("emulated.yes");
  return features;
}

/**
 * Returns the kind of a phone: what phones must share to stand for each other (SoC and model). Of
 * several names of one SoC the longest counts.
 *
 * @example
 * ```ts
 * phoneKind(["phone.a", "soc.qti_sm8550", "soc.sm8550", "model.s23", "android.14"]); // "soc.qti_sm8550 model.s23"
 * ```
 */
export function phoneKind(features: readonly string[]): string {
  const longest = (key: FeatureKey) =>
    features.filter((feature) => feature.startsWith(`${key}.`))
      .sort((a, b) => b.length - a.length || (a < b ? 1 : -1)).slice(0, 1);
  const kind = [...longest("soc"), ...longest("model")];
  return kind.length === 0 ? "unknown" : kind.join(" ");
}
