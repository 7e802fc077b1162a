import { assert, assertEquals, assertThrows } from "@std/assert";
import { HarnessError } from "../errors.ts";
import {
  bigCoreMask,
  commonCpuFeatures,
  coresInMask,
  requireCores,
  threadWarnings,
} from "./cores.ts";

/** Cores with these maximum frequencies in MHz. */
function cores(...maximaMHz: (number | null)[]) {
  return maximaMHz.map((mhz, index) => ({
    index,
    maxFrequencyKHz: mhz === null ? null : mhz * 1000,
    minFrequencyKHz: null,
    governor: null,
    part: null,
  }));
}

// FIELD.md: 4 on Snapdragon 888, 5 on 8 Gen 2, only 2 on 8 Elite. Maxima as the vendor publishes
// them.
const SNAPDRAGON_888 = cores(1800, 1800, 1800, 1800, 2420, 2420, 2420, 2840);
const SNAPDRAGON_8_GEN_2 = cores(2000, 2000, 2000, 2800, 2800, 2800, 2800, 3200);
const SNAPDRAGON_8_ELITE = cores(3530, 3530, 3530, 3530, 3530, 3530, 4320, 4320);

Deno.test("bigCoreMask() marks cores of at least the middle frequency when cores differ", () => {
  assertEquals(bigCoreMask(SNAPDRAGON_888), "f0");
  assertEquals(bigCoreMask(SNAPDRAGON_8_GEN_2), "f8");
  assertEquals(bigCoreMask(SNAPDRAGON_8_ELITE), "c0");
});

Deno.test("bigCoreMask() marks all when all are alike, leaves unknown ones out, and is null when none is known", () => {
  assertEquals(bigCoreMask(cores(2000, 2000)), "3");
  assertEquals(bigCoreMask(cores(1000, null, 2000, null)), "4");
  assertEquals(bigCoreMask(cores(null, null)), null);
  assertEquals(bigCoreMask([]), null);
});

Deno.test("coresInMask() lists CPUs when the mask is hexadecimal, and throws otherwise", () => {
  assertEquals(coresInMask("f0"), [4, 5, 6, 7]);
  assertEquals(coresInMask("0x81"), [0, 7]);
  assertEquals(coresInMask("10000000000000000"), [64]);
  assertThrows(() => coresInMask("big"), RangeError);
  assertThrows(() => coresInMask(""), RangeError);
});

Deno.test("commonCpuFeatures() keeps what every core has when cores differ", () => {
  const big = "fp asimd asimdhp asimddp i8mm bf16 sve".split(" ");
  const little = "fp asimd asimdhp asimddp".split(" ");
  assertEquals(commonCpuFeatures([big, little]), ["asimd", "asimdhp", "asimddp"]);
  assertEquals(commonCpuFeatures([]), []);
});

Deno.test("requireCores() refuses a mask of which the device has no CPU", () => {
  const device = { serial: "p", cores: cores(null, null) };
  requireCores(device, "6");
  for (const [mask, found] of [["f00", "it names CPU 8, 9, 10, 11"], ["0", "it names no CPU"]]) {
    const error = assertThrows(() => requireCores(device, mask), HarnessError, found);
    assertEquals(error.code, "bad-option");
  }
  const asleep = { ...device, offlineCpus: [3] };
  assertThrows(() => requireCores(asleep, "8"), HarnessError, "and CPU 3 is offline");
});

Deno.test("threadWarnings() warns when there are more threads than allowed cores", () => {
  const phone = { serial: "R5CT10", cores: SNAPDRAGON_8_ELITE, bigCoreMask: "c0" };
  const codes = (threads: number, where: Parameters<typeof threadWarnings>[2]) =>
    threadWarnings(phone, threads, where).map((warning) => warning.code);
  assertEquals(codes(4, { powersave: 2 }), ["more-threads-than-cores"]);
  assertEquals(codes(2, { powersave: 2 }), []);
  assertEquals(codes(8, { powersave: 0 }), []);
  assertEquals(codes(9, { powersave: 0 }), ["more-threads-than-cores"]);
  assertEquals(codes(7, { powersave: 1 }), ["more-threads-than-cores"]);
  assertEquals(codes(2, { coreMask: "80" }), ["more-threads-than-cores"]);
  assertEquals(codes(1, { coreMask: "100" }), ["core-mask-without-core"]);
  const [offline] = threadWarnings(
    { ...phone, cores: SNAPDRAGON_8_ELITE.slice(0, 7), offlineCpus: [7] },
    2,
    { coreMask: "c0" },
  );
  assertEquals(offline.code, "core-mask-offline-core");
  assert(offline.message.includes("names CPU 7, which is offline: the run has 1 of the 2 CPUs"));
  assertEquals(threadWarnings({ ...phone, bigCoreMask: null }, 4, { powersave: 2 }), []);
});
