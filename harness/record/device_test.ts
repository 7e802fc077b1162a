import { assertEquals } from "@std/assert";
import { ABILITIES, DeviceDescriptionSchema } from "./device.ts";
import { PHONE } from "../device/testdata/phones.ts";
import { recordsOfV010 } from "./testdata/v0_1_0.ts";

Deno.test("DeviceDescriptionSchema reads descriptions of version 0.1.0, which do not say what a device can", async () => {
  const run = (await recordsOfV010("bench")).find((record) => record.kind === "run");
  const host = run?.devices[0];
  assertEquals([host?.target, host?.defaultPowersave, host?.passivelyCooled], ["host", 0, false]);
  const { target: _target, defaultPowersave: _powersave, passivelyCooled: _cooled, ...old } = PHONE;
  assertEquals(DeviceDescriptionSchema.parse(old), { ...PHONE, ...ABILITIES.adb });
});

Deno.test("DeviceDescriptionSchema keeps what a description says", () => {
  const board = { ...PHONE, kind: "ssh", target: "aarch64-linux", defaultPowersave: 0 } as const;
  assertEquals(DeviceDescriptionSchema.parse(board), board);
  assertEquals(DeviceDescriptionSchema.safeParse({ ...PHONE, target: "mips" }).success, false);
});
