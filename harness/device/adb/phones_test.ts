import { assertEquals } from "@std/assert";
import { HarnessError } from "../../errors.ts";
import { openDevices } from "../devices.ts";
import { shellAnswer, startScriptedAdbServer } from "../testdata/scripted_adb_server.ts";
import { isSamePhone, listPhones } from "./phones.ts";

const PHONE = { serial: "0123456789ABCDEF", fingerprint: "f", boot: "b1", isWireless: false };

Deno.test("isSamePhone() goes by serial and boot, and by cable and network where no boot is told", () => {
  const same = (a: Partial<typeof PHONE>, b: Partial<Record<keyof typeof PHONE, unknown>>) =>
    isSamePhone({ ...PHONE, ...a }, { ...PHONE, ...b } as typeof PHONE);
  assertEquals(same({}, { isWireless: true }), true);
  // Makers give every phone one serial, and emulators have one as well.
  assertEquals(same({}, { boot: "b2" }), false);
  assertEquals(same({}, { boot: "b2", isWireless: true }), false);
  assertEquals(same({}, { serial: "R5CT10" }), false);
  assertEquals(same({}, { boot: null }), false);
  assertEquals(same({}, { boot: null, isWireless: true }), true);
  assertEquals(same({}, { boot: null, isWireless: true, fingerprint: "g" }), false);
});

/** Two phones of one serial, and one of them over the network too: 4 and 9. */
const LISTED = `0123456789ABCDEF       device usb:1-2.1 product:p model:M device:d transport_id:4
0123456789ABCDEF       device usb:1-2.2 product:p model:M device:d transport_id:5
10.0.0.7:5555          device product:p model:M device:d transport_id:9
`;

Deno.test("openDevices() takes each of the phones that share a serial, and none twice", async () => {
  await using scripted = startScriptedAdbServer({
    devices: () => LISTED,
    shell: (_line, transport) => {
      const boot = `00000000-0000-4000-8000-00000000000${transport === 9 ? 4 : transport}`;
      const text = `@@posemark serial\n0123456789ABCDEF\n@@posemark boot\n${boot}\n`;
      return shellAnswer(`${text}@@posemark uptime\n5.5 1.0\n@@posemark taken\n`);
    },
  });
  const server = { hostname: "127.0.0.1", port: scripted.port, adbProgram: null };
  assertEquals(await listPhones(server, { timeoutMs: 5000 }), [
    { name: "usb:1-2.1", state: "device", sameAs: null },
    { name: "usb:1-2.2", state: "device", sameAs: null },
    { name: "10.0.0.7:5555", state: "device", sameAs: "usb:1-2.1" },
  ]);
  const opened = await openDevices(["all"], { server });
  assertEquals(opened.map(({ serial }) => serial), ["usb:1-2.1", "usb:1-2.2"]);
  const named = await openDevices(["transport:5"], { server });
  assertEquals(named.map(({ serial }) => serial), ["usb:1-2.2"]);
  for (const device of [...opened, ...named]) await device[Symbol.asyncDispose]();
  const refused = async (name: string) =>
    await openDevices([name], { server }).then(() => "", (error: HarnessError) => error.code);
  assertEquals(await refused("0123456789ABCDEF"), "bad-option");
  assertEquals(await refused("transport:77"), "device-not-found");
  assertEquals(await refused("usb:7-7"), "device-not-found");
});
