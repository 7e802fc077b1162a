import { assertEquals } from "@std/assert";
import { isEmulated, parseAndroidDescription, parseGetprop } from "./describe.ts";
import { DeviceDescriptionSchema } from "../../record/device.ts";

const RECORDINGS = new URL("../testdata/emulated/recordings/", import.meta.url);
const recording = (name: string) => Deno.readTextFileSync(new URL(name, RECORDINGS));

Deno.test("parseGetprop() keeps brackets and line ends when a value holds them", () => {
  const properties = parseGetprop(recording("android14/getprop.txt"));
  assertEquals(properties.get("ro.product.model"), "Phone [14] Pro");
  assertEquals(properties.get("persist.note"), "two\nlines");
  assertEquals(properties.get("sys.boot_completed"), "1");
  assertEquals(properties.size, 17);
  assertEquals(parseGetprop("").size, 0);
});

Deno.test("isEmulated() is true for emulators and false for phones", () => {
  const emulated = (properties: Record<string, string>) =>
    isEmulated(new Map(Object.entries(properties)));
  assertEquals(isEmulated(parseGetprop(recording("android10/getprop.txt"))), true);
  assertEquals(isEmulated(parseGetprop(recording("android14/getprop.txt"))), false);
  for (
    const properties of [
      { "ro.hardware": "emu" },
      { "ro.hardware": "goldfish" },
      { "ro.hardware": "cutf_cvm" },
      { "ro.hardware": "qcom", "ro.boot.qemu": "1" },
      { "ro.build.fingerprint": "generic/vbox86p/vbox86p:11/RQ1/1:userdebug/test-keys" },
      { "ro.build.fingerprint": "google/sdk_gphone64_arm64/emu64a:14/UE1A/1:userdebug/dev-keys" },
    ] as Record<string, string>[]
  ) assertEquals(emulated(properties), true, JSON.stringify(properties));
  assertEquals(emulated({}), false);
  assertEquals(emulated({ "ro.hardware": "qcom", "ro.boot.qemu": "0" }), false);
});

Deno.test("parseAndroidDescription() reads a phone when all sources are there", () => {
  const description = DeviceDescriptionSchema.parse(parseAndroidDescription(
    "R5CT10",
    [
      "@@posemark uid\n2000\n@@posemark kernel\n5.15.123-android13\n@@posemark su",
      `@@posemark cpuinfo\n${recording("android14/cpuinfo_proc.txt")}`,
      "@@posemark meminfo\nMemTotal:       7763296 kB",
      "@@posemark cores",
      ...[2016, 2016, 2016, 2803, 2803, 2803, 2803, 3360].map((mhz, i) =>
        `${i} ${mhz}000 307200 walt -`
      ),
      `@@posemark getprop\n${recording("android14/getprop.txt")}`,
      "@@posemark end",
    ].join("\n"),
  ));
  assertEquals(
    [description.model, description.soc, description.os, description.abi],
    ["Phone [14] Pro", "QTI SM8550", "Android 14", "arm64-v8a"],
  );
  assertEquals(description.bigCoreMask, "f8");
  assertEquals(description.cpuFeatures, [
    "asimd",
    "asimdhp",
    "asimddp",
    "asimdfhm",
    "i8mm",
    "bf16",
  ]);
  assertEquals(description.cores[7], {
    index: 7,
    maxFrequencyKHz: 3360000,
    minFrequencyKHz: 307200,
    governor: "walt",
    part: "0xd4e",
  });
  assertEquals([description.emulated, description.rooted], [false, false]);
});

Deno.test("parseAndroidDescription() leaves unknown null when the phone tells nothing", () => {
  const description = DeviceDescriptionSchema.parse(parseAndroidDescription("x", "sh: denied"));
  assertEquals(
    [description.model, description.soc, description.os, description.rooted, description.abi],
    [null, null, null, null, "unknown"],
  );
});

Deno.test("parseAndroidDescription() says rooted when su is there or the shell is root", () => {
  const rooted = (text: string) => parseAndroidDescription("x", text).rooted;
  assertEquals(rooted("@@posemark uid\n2000\n@@posemark su\n/system/xbin/su"), true);
  assertEquals(rooted("@@posemark uid\n0"), true);
});
