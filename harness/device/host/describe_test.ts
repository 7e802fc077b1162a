import { assertEquals } from "@std/assert";
import {
  parseDarwinDescription,
  parseDarwinState,
  parseLinuxDescription,
  parseLinuxState,
} from "./describe.ts";
import { DeviceDescriptionSchema, DeviceStateSchema } from "../../record/device.ts";

const AT = "2026-01-01T00:00:00.000Z";

Deno.test("parseLinuxDescription() leaves unknown null when nothing could be read", () => {
  const description = DeviceDescriptionSchema.parse(parseLinuxDescription(""));
  assertEquals(
    [description.soc, description.memoryBytes, description.bigCoreMask, description.rooted],
    [null, null, null, null],
  );
  assertEquals(description.cores, []);
});

Deno.test("parseLinuxState() leaves unknown null when nothing could be read", () => {
  const state = DeviceStateSchema.parse(parseLinuxState("", AT));
  assertEquals([state.load1, state.uptimeSeconds, state.topProcesses], [null, null, null]);
});

Deno.test("parseLinuxDescription() reads a board when it has a device tree and big and little cores", () => {
  const description = parseLinuxDescription(`
@@posemark kernel
6.6.31
@@posemark machine
aarch64
@@posemark uid
1000
@@posemark release
PRETTY_NAME="Debian GNU/Linux 13 (trixie)"
@@posemark tree
Radxa ROCK 5B\0
@@posemark cpuinfo
processor	: 0
Features	: fp asimd asimdhp asimddp
CPU part	: 0xd05
processor	: 1
Features	: fp asimd asimdhp asimddp
CPU part	: 0xd0b
@@posemark meminfo
MemTotal:       16000000 kB
@@posemark cores
0 1800000 408000 ondemand -
1 2256000 408000 ondemand -
`);
  assertEquals(description.model, "Radxa ROCK 5B");
  assertEquals(description.os, "Debian GNU/Linux 13 (trixie)");
  assertEquals(description.bigCoreMask, "2");
  assertEquals(description.cpuFeatures, ["asimd", "asimdhp", "asimddp"]);
  assertEquals(description.rooted, false);
  assertEquals(description.cores[1].part, "0xd0b");
});

Deno.test("parseDarwinDescription() maps Apple's feature names when on arm64", () => {
  const description = DeviceDescriptionSchema.parse(parseDarwinDescription(`
@@posemark machine
arm64
@@posemark release
14.5
@@posemark sysctl
hw.model: Mac14,2
hw.memsize: 17179869184
hw.ncpu: 8
machdep.cpu.brand_string: Apple M2
hw.optional.arm.FEAT_FP16: 1
hw.optional.arm.FEAT_BF16: 1
hw.optional.arm.FEAT_SME: 0
`));
  assertEquals(description.soc, "Apple M2");
  assertEquals(description.cores.length, 8);
  assertEquals(description.memoryBytes, 17179869184);
  assertEquals(description.cpuFeatures, ["asimd", "asimdhp", "bf16"]);
  const state = DeviceStateSchema.parse(parseDarwinState(
    "@@posemark sysctl\nhw.ncpu: 8\nvm.loadavg: { 1,50 2.0 3.0 }\nkern.boottime: { sec = 1000, usec = 0 } x\n@@posemark now\n1600",
    AT,
  ));
  assertEquals([state.load1, state.uptimeSeconds], [1.5, 600]);
});

Deno.test("parseLinuxDescription() describes another machine under its own name", () => {
  const board = {
    serial: "ssh://pi",
    kind: "ssh",
    target: "aarch64-linux",
    defaultPowersave: 0,
    passivelyCooled: true,
  } as const;
  const { abi, ...found } = parseLinuxDescription("@@posemark machine\naarch64\n", board);
  assertEquals(abi, "aarch64");
  for (const [key, value] of Object.entries(board)) {
    assertEquals(found[key as keyof typeof found], value);
  }
});
