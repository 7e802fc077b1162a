import { assertEquals } from "@std/assert";
import { PHONE } from "../device/testdata/phones.ts";
import { deviceFeatures, featureValue, phoneKind, socFeatures } from "./device_features.ts";

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
