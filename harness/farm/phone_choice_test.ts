import { assertEquals, assertThrows } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { deviceFeatures } from "../record/device_features.ts";
import { described, PHONE } from "../device/testdata/phones.ts";
import { matchesPhones, parsePhones } from "./phone_choice.ts";

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
