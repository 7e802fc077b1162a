import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { HarnessError } from "../../errors.ts";
import { DeviceDescriptionSchema, DeviceStateSchema } from "../../record/device.ts";
import { parseBoardAddress } from "./address.ts";
import { boardSystem, probeScript } from "./board.ts";

const ADDRESS = parseBoardAddress("ssh://pi@rpi5");

/** The probe's answer of a Raspberry Pi. */
const PROBED = {
  system: "Linux",
  machine: "aarch64",
  refused: "",
  root: "/home/pi/.posemark",
  sha256: "0",
  setsid: "0",
};

function probed(change: Partial<typeof PROBED> = {}): string {
  return Object.entries({ ...PROBED, ...change })
    .map(([name, text]) => `@@posemark ${name}\n${text}\n`).join("");
}

Deno.test("boardSystem() describes a Raspberry Pi by its own answers", () => {
  const system = boardSystem(ADDRESS, probed());
  assertEquals([system.root, system.tools.sha256], ["/home/pi/.posemark", "sha256sum"]);
  const description = DeviceDescriptionSchema.parse(system.parseDescription(
    "",
    `@@posemark machine
aarch64
@@posemark uid
1000
@@posemark release
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
@@posemark tree
Raspberry Pi 5 Model B Rev 1.0
@@posemark compatible
brcm,bcm2712
@@posemark cpuinfo
processor	: 0
Features	: fp asimd asimdhp asimddp
CPU part	: 0xd0b
@@posemark cores
0 2400000 1500000 ondemand -
`,
  ));
  assertEquals(
    [description.serial, description.kind, description.target, description.abi],
    ["ssh://pi@rpi5", "ssh", "aarch64-linux", "aarch64"],
  );
  assertEquals([description.model, description.soc, description.rooted, description.emulated], [
    "Raspberry Pi 5 Model B Rev 1.0",
    "brcm bcm2712",
    false,
    false,
  ]);
  const state = DeviceStateSchema.parse(
    system.parseState(
      "@@posemark firmware\nthrottled=0x50005\n@@posemark processes2\ncpu  1 2 3 4 5 6 7 250 0 0\n",
      "2026-01-01T00:00:00Z",
    ),
  );
  assertEquals(state.firmwareThrottling, {
    now: ["under-voltage", "throttled"],
    sinceBoot: ["under-voltage", "throttled"],
  });
  assertEquals(state.stealSeconds, 2.5);
});

Deno.test("boardSystem() takes the tools that the board has", () => {
  const { tools } = boardSystem(ADDRESS, probed({ sha256: "3", setsid: "1" }));
  assertEquals(tools, { sha256: "openssl dgst -sha256 -r", setsid: "busybox setsid" });
  assertEquals(
    boardSystem(ADDRESS, probed({ machine: "x86_64" })).parseDescription("", "").target,
    "x86_64-linux",
  );
});

Deno.test("boardSystem() refuses a board that can't be used, with what it found", () => {
  const refused = (change: Partial<typeof PROBED>, words: string) => {
    const error = assertThrows(() => boardSystem(ADDRESS, probed(change)), HarnessError);
    assertEquals(error.code, "device-unsuitable");
    assertStringIncludes(error.message, words);
  };
  refused({ system: "FreeBSD" }, "FreeBSD");
  refused({ machine: "riscv64" }, "riscv64");
  refused({ root: "", refused: "/home/pi/.posemark: Read-only file system" }, "Read-only");
  refused({ root: "/home/a b" }, "no folder");
  refused({ sha256: "" }, "no way to hash");
  refused({ setsid: "" }, "no way to detach");
  assertThrows(() => boardSystem(ADDRESS, "Welcome"), HarnessError, "no answer");
});

Deno.test("probeScript() finds a folder, tools and CPU when a shell runs it, and leaves no probe behind", async () => {
  const home = await Deno.makeTempDir();
  const run = async (script: string) => {
    const { stdout } = await new Deno.Command("sh", { args: ["-c", script], env: { HOME: home } })
      .output();
    return new TextDecoder().decode(stdout);
  };
  const { root } = boardSystem(ADDRESS, await run(probeScript(null, "x")));
  assertEquals(root, `${home}/.posemark`);
  assertEquals([...Deno.readDirSync(root)], []);
  // A link that somebody laid there is not followed.
  await Deno.remove(root);
  await Deno.symlink("/tmp", root);
  assertStringIncludes(await run(probeScript(null, "x")), "belongs to somebody else");
  await Deno.remove(home, { recursive: true });
});
