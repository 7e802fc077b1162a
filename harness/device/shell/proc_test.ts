import { assertEquals } from "@std/assert";
import {
  busiestProcesses,
  memInfoBytes,
  onlineCores,
  parseCores,
  parseCpuInfo,
  parseCpuList,
  parseFirmwareThrottling,
  parseFreeBytes,
  parseFrequencies,
  parseLoad1,
  parseStealSeconds,
  parseThermalZones,
  parseUptimeSeconds,
} from "./proc.ts";
import { integerOrNull, splitSections } from "./sections.ts";

Deno.test("splitSections() returns text by name when noise stands before the first and lines end in CRLF", () => {
  const sections = splitSections(
    "WARNING: linker\r\n@@posemark a\r\n1\r\n2\r\n\r\n@@posemark b\r\n",
  );
  assertEquals([...sections], [["a", "1\n2"], ["b", ""]]);
  assertEquals(splitSections("").size, 0);
});

Deno.test("integerOrNull() is null when the text is not an integer", () => {
  assertEquals([integerOrNull("12"), integerOrNull(" -3 ")], [12, -3]);
  assertEquals(["", "-", "1.5", "x", undefined].map(integerOrNull), [null, null, null, null, null]);
});

Deno.test("parseCpuInfo() reads arm64 and x86 when given their text", () => {
  const arm = parseCpuInfo(
    "processor\t: 0\nBogoMIPS\t: 125.00\nFeatures\t: fp asimd asimdhp\nCPU part\t: 0xd05\n\nprocessor\t: 4\nFeatures\t: fp asimd\nCPU part\t: 0xd41\n\nHardware\t: Qualcomm Technologies, Inc SM8350\n",
  );
  assertEquals(arm.hardware, "Qualcomm Technologies, Inc SM8350");
  assertEquals(arm.cpus.map((cpu) => [cpu.index, cpu.part, cpu.features.length]), [
    [0, "0xd05", 3],
    [4, "0xd41", 2],
  ]);
  const x86 = parseCpuInfo("processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu avx2 fma\n");
  assertEquals(x86.cpus, [
    { index: 0, features: ["fpu", "avx2", "fma"], part: null, modelName: "AMD EPYC" },
  ]);
  assertEquals(parseCpuInfo(""), { cpus: [], hardware: null });
});

Deno.test("parseCores() takes the part from MIDR when cpuinfo lists not the CPU (it is offline)", () => {
  const { cpus } = parseCpuInfo("processor: 0\nCPU part: 0xd05\n");
  const cores = parseCores(
    "7 2841600 806400 walt 0x00000000411fd440\n0 1804800 300000 schedutil -\n1 - - - -",
    cpus,
  );
  assertEquals(cores.map((core) => [core.index, core.maxFrequencyKHz, core.part]), [
    [0, 1804800, "0xd05"],
    [1, null, null],
    [7, 2841600, "0xd44"],
  ]);
  assertEquals([cores[2].governor, cores[1].governor], ["walt", null]);
});

Deno.test("parseCpuList() reads what Linux writes, and nothing else", () => {
  assertEquals(parseCpuList("0-2,5\n"), [0, 1, 2, 5]);
  assertEquals(parseCpuList("3"), [3]);
  for (const text of ["", "0-", "a", "0-3,", "-1", "1 2", "99999"]) {
    assertEquals(parseCpuList(text), null, text);
  }
  assertEquals(parseCpuList("3-1"), []);
});

Deno.test("onlineCores() leaves offline CPUs out and names them, and keeps all when nothing is told", () => {
  const cores = [0, 1, 2, 3].map((index) => `${index} 1800000 300000 walt -`).join("\n");
  const of = (online: string) => onlineCores(new Map([["cores", cores], ["online", online]]), []);
  const { cores: on, offlineCpus } = of("0-1,3");
  assertEquals([on.map(({ index }) => index), offlineCpus], [[0, 1, 3], [2]]);
  for (const online of ["", "cat: Permission denied", "3-1"]) {
    assertEquals(of(online).cores.length, 4, online);
  }
});

Deno.test("memInfoBytes(), parseLoad1() and parseUptimeSeconds() are null when the text is not what they read", () => {
  assertEquals(
    memInfoBytes("MemTotal:        7763296 kB\nMemFree: 1 kB", "MemTotal"),
    7763296 * 1024,
  );
  assertEquals(memInfoBytes("cat: /proc/meminfo: Permission denied", "MemTotal"), null);
  assertEquals([parseLoad1("1.25 0.80 0.50 2/900 4711"), parseLoad1("")], [1.25, null]);
  assertEquals([parseUptimeSeconds("6.30 4.32"), parseUptimeSeconds("denied")], [6.3, null]);
});

Deno.test("parseFrequencies() gives each CPU its place when lines are out of order or missing", () => {
  assertEquals(parseFrequencies("3 300 400 walt\n0 100 200 powersave\n- - - -"), {
    frequenciesKHz: [100, null, null, 300],
    frequencyCapsKHz: [200, null, null, 400],
    governors: ["powersave", null, null, "walt"],
  });
  assertEquals(parseFrequencies("0 - - -").frequenciesKHz, [null]);
});

Deno.test("parseThermalZones() returns degrees when zones give milli, tenths or whole ones, and drops sensors that are off", () => {
  assertEquals(
    parseThermalZones(
      "41200 cpu-0-0\n335 battery\n36 skin zone\n0 pa\n-273000 x\n2147483647 y\njunk",
    ),
    [
      { zone: "cpu-0-0", tempC: 41.2 },
      { zone: "battery", tempC: 33.5 },
      { zone: "skin zone", tempC: 36 },
    ],
  );
});

Deno.test("parseThermalZones() drops battery current, voltage and charge, which Qualcomm's kernels list as zones", () => {
  const zones = parseThermalZones(
    "546 pm8150b-ibat-lvl0\n3986 pm8150b-vbat-lvl0\n3900 pm8150l-vph-lvl0\n72 soc\n1 pm8150b-bcl-lvl2\n41000 soc-thermal\n33000 battery",
  );
  assertEquals(zones.map(({ zone }) => zone), ["soc-thermal", "battery"]);
});

Deno.test("busiestProcesses() gives shares of one core when time passed, and null otherwise", () => {
  // Two CPUs, 100 ticks each between the samples: 200 in all; 50 of a process are half a core.
  const stat = (total: number, a: number, b: number) =>
    `cpu  ${total} 0 0 0 0 0 0 0 50 50\ncpu0 1\ncpu1 1\n10 (a b) c) S 1 1 1 0 -1 0 0 0 0 0 ${a} 0 0 0 20\n11 (idle) S 1 1 1 0 -1 0 0 0 0 0 ${b} 5 0 0 20\n`;
  assertEquals(busiestProcesses(stat(1000, 10, 7), stat(1200, 60, 7), 2), [
    { name: "a b) c", cpuPercent: 50 },
  ]);
  assertEquals(busiestProcesses(stat(1000, 10, 7), stat(1000, 10, 7), 2), null);
  assertEquals(busiestProcesses("", "", 2), null);
});

Deno.test("parseFreeBytes() reads df of toybox, also when the name of the file system is long", () => {
  const df = Deno.readTextFileSync(
    new URL("../testdata/emulated/recordings/android14/df.txt", import.meta.url),
  );
  assertEquals(parseFreeBytes(df), 38693416 * 1024);
  assertEquals(
    parseFreeBytes(
      "Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/very/long\n  100 60 40 60% /data",
    ),
    40 * 1024,
  );
  assertEquals(parseFreeBytes("df: /data: Permission denied"), null);
  assertEquals(parseFreeBytes(""), null);
});

Deno.test("parseFirmwareThrottling() reads vcgencmd's answer and the kernel's file, and is null for other text", () => {
  assertEquals(parseFirmwareThrottling("throttled=0x0"), { now: [], sinceBoot: [] });
  assertEquals(parseFirmwareThrottling("throttled=0xe0008"), {
    now: ["soft-temperature-limit"],
    sinceBoot: ["frequency-capped", "throttled", "soft-temperature-limit"],
  });
  assertEquals(parseFirmwareThrottling("10001\n"), {
    now: ["under-voltage"],
    sinceBoot: ["under-voltage"],
  });
  for (const text of ["", "VCHI initialization failed", "throttled=", "-"]) {
    assertEquals(parseFirmwareThrottling(text), null);
  }
});

Deno.test("parseStealSeconds() reads the eighth figure of /proc/stat, and is null when it is not there", () => {
  assertEquals(parseStealSeconds("cpu  10 0 20 300 4 0 5 123 0 0\ncpu0 1 2 3"), 1.23);
  assertEquals(parseStealSeconds("cpu  10 0 20 300"), null);
  assertEquals(parseStealSeconds(""), null);
});
