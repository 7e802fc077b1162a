/**
 * Phones as their own output describes them, for tests.
 *
 * @module
 */
import { parseAndroidDescription } from "../adb/describe.ts";
import { SECTION_MARK } from "../shell/sections.ts";
import type { DeviceDescription } from "../../record/device.ts";

/** Returns a phone as its own `getprop` describes it. */
export function described(serial: string, properties: Record<string, string>): DeviceDescription {
  const lines = Object.entries(properties).map(([key, value]) => `[${key}]: [${value}]`);
  return parseAndroidDescription(serial, `${SECTION_MARK}getprop\n${lines.join("\n")}\n`);
}

/** A phone with its SoC named. */
export const PHONE = {
  ...described("R5CT10-X", {
    "ro.product.model": "Pixel 8 Pro",
    "ro.product.manufacturer": "Google",
    "ro.soc.manufacturer": "Google",
    "ro.soc.model": "Tensor G3",
    "ro.build.version.release": "14",
    "ro.product.cpu.abi": "arm64-v8a",
  }),
  cpuFeatures: ["asimdhp"],
};
