import { assertEquals, assertThrows } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { parseAndroidDescription } from "../device/adb/describe.ts";
import type { DeviceDescription } from "../record/device.ts";
import { SECTION_MARK } from "../device/shell/sections.ts";
import {
  deviceFeatures,
  featureValue,
  matchesPhones,
  parsePhones,
  phoneKind,
  socFeatures,
} from "./features.ts";

/** A phone as its own output describes it. */
function described(serial: string, properties: Record<string, string>): DeviceDescription {
  const lines = Object.entries(properties).map(([key, value]) => `[${key}]: [${value}]`);
  return parseAndroidDescription(serial, `${SECTION_MARK}getprop\n${lines.join("\n")}\n`);
}

const PHONE = {
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

Deno.test("featureValue() keeps letters and digits and is never empty", () => {
  assertEquals(featureValue("SM8550-AB/é"), "sm8550_ab_e");
  assertEquals(featureValue("…"), "unknown");
});

Deno.test("deviceFeatures() lists what is known of a phone and leaves out the rest", () => {
  assertEquals(deviceFeatures(PHONE), [
    "phone.r5ct10_x",
    "soc.google_tensor_g3",
    "soc.tensor_g3",
    "model.pixel_8_pro",
    "android.14",
    "abi.arm64_v8a",
    "cpu.asimdhp",
  ]);
  const bare = deviceFeatures({
    ...PHONE,
    soc: null,
    model: null,
    os: null,
    emulated: true,
    cpuFeatures: [],
  });
  assertEquals(bare, ["phone.r5ct10_x", "abi.arm64_v8a", "emulated.yes"]);
});

Deno.test("parsePhones() joins values of one key by or, keys by and", () => {
  const choice = parsePhones("--devices", "soc=Tensor G3, soc=sm8550,android=14");
  assertEquals(matchesPhones(deviceFeatures(PHONE), choice), true);
  assertEquals(matchesPhones(["soc.sm8550", "android.13"], choice), false);
  assertEquals(matchesPhones(["android.14"], choice), false);
});

Deno.test("parsePhones() takes every phone when all is asked for", () => {
  assertEquals(matchesPhones([], parsePhones("--devices", "all")), true);
});

Deno.test("parsePhones() refuses an unknown key, an empty value and all among others", () => {
  for (const text of ["colour=red", "soc=", "soc", "", "all,soc=x"]) {
    assertThrows(() => parsePhones("--devices", text), HarnessError, "--devices");
  }
});

Deno.test("phoneKind() is the same for two phones that differ in serial and Android version", () => {
  assertEquals(phoneKind(deviceFeatures(PHONE)), "soc.google_tensor_g3 model.pixel_8_pro");
  assertEquals(phoneKind(deviceFeatures(PHONE).reverse()), phoneKind(deviceFeatures(PHONE)));
  assertEquals(
    phoneKind(deviceFeatures({ ...PHONE, serial: "b", os: "Android 15" })),
    phoneKind(deviceFeatures(PHONE)),
  );
  assertEquals(phoneKind(["phone.a"]), "unknown");
});

Deno.test("socFeatures() names the model alone too where a known vendor stands before it", () => {
  assertEquals(socFeatures("QTI SM8550"), ["soc.qti_sm8550", "soc.sm8550"]);
  assertEquals(socFeatures("Qualcomm Technologies, Inc SM8250")[1], "soc.sm8250");
  assertEquals(socFeatures("Mediatek MT6983Z/TCZA")[1], "soc.mt6983z_tcza");
  for (const alone of ["kona", "Tensor G3", "Google", "Samsung "]) {
    assertEquals(socFeatures(alone), [`soc.${featureValue(alone)}`]);
  }
});

Deno.test("the documented --devices take the phones that they name", async () => {
  const phones = [
    PHONE,
    described("R5CT20", {
      "ro.product.model": "SM-S911B",
      "ro.soc.manufacturer": "QTI",
      "ro.soc.model": "SM8550",
      "ro.build.version.release": "14",
    }),
  ];
  for (const file of ["./slurm/github-workflow.yml", "../../README.md"]) {
    const text = await Deno.readTextFile(new URL(file, import.meta.url));
    const choices = [...text.matchAll(/--devices '?((?:soc|android|model)=[^' ]+)/g)];
    assertEquals(choices.length > 0, true, file);
    for (const [, choice] of choices) {
      const taken = phones.filter((phone) =>
        matchesPhones(deviceFeatures(phone), parsePhones("--devices", choice))
      );
      assertEquals(taken.length, choice.split(",").length, `${file}: ${choice}`);
    }
  }
  const android = parsePhones("--devices", "android=14");
  assertEquals(phones.every((phone) => matchesPhones(deviceFeatures(phone), android)), true);
});
