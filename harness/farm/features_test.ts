import { assertEquals, assertThrows } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { phoneFixture } from "../gate/gate_fixture.ts";
import { deviceFeatures, featureValue, matchesPhones, parsePhones, phoneKind } from "./features.ts";

const PHONE = phoneFixture("R5CT10-X", {
  model: "Pixel 8 Pro",
  manufacturer: "Google",
  soc: "Tensor G3",
  cpuFeatures: ["asimdhp"],
});

Deno.test("featureValue() keeps letters and digits and is never empty", () => {
  assertEquals(featureValue("SM8550-AB/é"), "sm8550_ab_e");
  assertEquals(featureValue("…"), "unknown");
});

Deno.test("deviceFeatures() lists what is known of a phone and leaves out the rest", () => {
  assertEquals(deviceFeatures(PHONE), [
    "phone.r5ct10_x",
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
  const choice = parsePhones("--devices", "soc=Tensor G3, soc=sd8gen2,android=14");
  assertEquals(matchesPhones(deviceFeatures(PHONE), choice), true);
  assertEquals(matchesPhones(["soc.sd8gen2", "android.13"], choice), false);
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
  assertEquals(phoneKind(deviceFeatures(PHONE)), "soc.tensor_g3 model.pixel_8_pro");
  assertEquals(
    phoneKind(deviceFeatures({ ...PHONE, serial: "b", os: "15" })),
    phoneKind(deviceFeatures(PHONE)),
  );
  assertEquals(phoneKind(["phone.a"]), "unknown");
});
