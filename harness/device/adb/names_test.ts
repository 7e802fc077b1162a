import { assertEquals, assertThrows } from "@std/assert";
import { HarnessError } from "../../errors.ts";
import { deviceNames, findDevice, selectorOf } from "./names.ts";
import { parseDeviceList } from "./words.ts";

/** As `adb devices -l` of platform tools 35 prints phones whose maker numbers none of them. */
const LISTED = parseDeviceList(
  `R5CT10                 device usb:1-4 product:p model:M device:d transport_id:1
0123456789ABCDEF       device usb:1-2.1 product:p model:M device:d transport_id:4
0123456789ABCDEF       unauthorized usb:1-2.2 transport_id:5
(no serial number)     device product:p model:M device:d transport_id:7
(no serial number)     device product:p model:M device:d transport_id:8
my device 1            device usb:3-1 product:p model:M device:d transport_id:9
`,
);

Deno.test("deviceNames() takes the place on the bus, else the transport, where serials are shared", () => {
  assertEquals(deviceNames(LISTED), [
    ...["R5CT10", "usb:1-2.1", "usb:1-2.2", "transport:7", "transport:8", "my device 1"],
  ]);
});

Deno.test("findDevice() finds by serial, place and transport, and names the device by what lasts longest", () => {
  const name = (asked: string) => findDevice(LISTED, asked)?.name ?? null;
  assertEquals(["R5CT10", "usb:1-4", "transport:1"].map(name), ["R5CT10", "R5CT10", "R5CT10"]);
  assertEquals(["usb:1-2.2", "transport:5"].map(name), ["usb:1-2.2", "usb:1-2.2"]);
  assertEquals(["my device 1", "transport:9"].map(name), ["my device 1", "my device 1"]);
  assertEquals(["nobody", "usb:9-9", "transport:2", "transport:null"].map(name), [
    null,
    null,
    null,
    null,
  ]);
  const error = assertThrows(
    () => name("0123456789ABCDEF"),
    HarnessError,
    "usb:1-2.1 or usb:1-2.2",
  );
  assertEquals(error.code, "bad-option");
  assertThrows(() => name("(no serial number)"), HarnessError, "transport:7 or transport:8");
});

Deno.test("selectorOf() asks by the transport's number, and by the serial else", () => {
  assertEquals(selectorOf("transport:12"), { transportId: 12n });
  assertEquals(selectorOf("usb:1-2"), { serial: "usb:1-2" });
  assertEquals(selectorOf("transport:x"), { serial: "transport:x" });
});
