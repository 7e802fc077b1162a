import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  connectOutcome,
  isNetworkSerial,
  linkError,
  obstacleOf,
  parseDeviceList,
} from "./words.ts";
import { isLinkLoss } from "../shell/session.ts";
import { shellLine } from "../shell/words.ts";
import { HarnessError } from "../../errors.ts";

Deno.test("parseDeviceList() reads every state of adb devices -l", () => {
  const text =
    `R5CT10                 device usb:1-4 product:o1s model:SM_G991B device:o1s transport_id:1
0A1B                   unauthorized usb:1-5 transport_id:2
127.0.0.1:6555         offline
????????????           no permissions (missing udev rules? user is in the plugdev group); see [http://x] usb:3-1 transport_id:9
my device 7            device usb:1-6 product:p model:M device:d transport_id:12
adb-X1 (2)._adb-tls-connect._tcp device product:o1s model:SM_G991B transport_id:4
`;
  assertEquals(parseDeviceList(text), [
    { serial: "R5CT10", state: "device", model: "SM_G991B", usb: "usb:1-4", transportId: 1 },
    { serial: "0A1B", state: "unauthorized", model: null, usb: "usb:1-5", transportId: 2 },
    { serial: "127.0.0.1:6555", state: "offline", model: null, usb: null, transportId: null },
    {
      serial: "????????????",
      state: "no permissions",
      model: null,
      usb: "usb:3-1",
      transportId: 9,
    },
    // A serial may have blanks, and a state's name.
    { serial: "my device 7", state: "device", model: "M", usb: "usb:1-6", transportId: 12 },
    {
      serial: "adb-X1 (2)._adb-tls-connect._tcp",
      state: "device",
      model: "SM_G991B",
      usb: null,
      transportId: 4,
    },
  ]);
  assertEquals(parseDeviceList(""), []);
});

Deno.test("connectOutcome() reads the words of adb connect, which exits 0 when refused", () => {
  assertEquals(connectOutcome("connected to 127.0.0.1:6555"), "connected");
  assertEquals(connectOutcome("already connected to 127.0.0.1:6555"), "stale");
  assertEquals(connectOutcome("failed to authenticate to 10.0.0.2:5555"), "unauthorized");
  assertEquals(connectOutcome("failed to connect to '1.2.3.4:5': Connection refused"), "refused");
  assertEquals(connectOutcome(""), "refused");
});

Deno.test("isNetworkSerial() tells addresses from serials", () => {
  assertEquals(
    ["127.0.0.1:6555", "phone.local:5555", "[fe80::1%wlan0]:5555"].every(isNetworkSerial),
    true,
  );
  assertEquals(["R5CT10", "emulator-5554", "a:b", ""].some(isNetworkSerial), false);
});

Deno.test("linkError() turns the adb server's words into codes with a remedy", () => {
  const code = (words: string) => linkError("X", "read the state", new Error(words)).code;
  assertEquals(
    [
      "device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set",
      "device offline",
      "device still connecting",
      "device 'X' not found",
      "closed",
      "Socket ended without exit message",
    ].map(code),
    [
      "device-unauthorized",
      "device-offline",
      "device-offline",
      "device-not-found",
      "device-lost",
      "device-lost",
    ],
  );
  const own = new HarnessError("no-space", "full");
  assertEquals(linkError("X", "push", own), own);
  assertEquals(isLinkLoss(own), false);
  assertEquals(isLinkLoss(linkError("X", "push", new Error("closed"))), true);
  for (const state of ["unauthorized", "no permissions", "missing", "offline", "recovery"]) {
    assertStringIncludes(obstacleOf("X", state).message, 'Cannot use device "X"');
  }
});

Deno.test("shellLine() quotes each word when it holds quotes or dollars", () => {
  assertEquals(shellLine(["echo", "it's", "$HOME"]), `'echo' 'it'\\''s' '$HOME'`);
});
