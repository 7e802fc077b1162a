import { assertEquals, assertThrows } from "@std/assert";
import { HarnessError } from "../../errors.ts";
import { isBoardName, isPlainPath, parseBoardAddress, withoutPassword } from "./address.ts";

Deno.test("parseBoardAddress() takes user, host, port and folder apart, and names the board without its folder", () => {
  assertEquals(parseBoardAddress("ssh://pi@rpi5.local:2222/mnt/ssd/"), {
    serial: "ssh://pi@rpi5.local:2222",
    destination: "pi@rpi5.local",
    port: 2222,
    folder: "/mnt/ssd",
  });
  assertEquals(parseBoardAddress("ssh://rock"), {
    serial: "ssh://rock",
    destination: "rock",
    port: null,
    folder: null,
  });
  const v6 = parseBoardAddress("ssh://u.n-1@[fe80::1%eth0]:022/");
  assertEquals([v6.serial, v6.destination, v6.port, v6.folder], [
    "ssh://u.n-1@[fe80::1%eth0]:22",
    "u.n-1@fe80::1%eth0",
    22,
    null,
  ]);
});

Deno.test("parseBoardAddress() refuses what ssh or a shell would take for something else", () => {
  const names = ["ssh:pi", "ssh://", "ssh://pi@", "ssh://-oProxyCommand=x", "ssh://-l@host"]
    .concat(["ssh://a b", "ssh://host:0", "ssh://host:70000", "ssh://host:x", "ssh://ho;st"])
    .concat([
      "ssh://host/a b",
      "ssh://host/$(x)",
      "ssh://host/a/../b",
      "ssh://[::1",
      "ssh://ho\nst",
    ])
    .concat(["ssh://host/it's", "ssh://@host"]);
  for (const name of names) {
    const error = assertThrows(() => parseBoardAddress(name), HarnessError);
    assertEquals(error.code, "bad-option", name);
  }
});

Deno.test("parseBoardAddress() refuses a password and does not repeat it", () => {
  const error = assertThrows(() => parseBoardAddress("ssh://pi:raspberry@host"), HarnessError);
  assertEquals([error.code, error.message.includes("raspberry")], ["bad-option", false]);
  assertEquals(withoutPassword("ssh://pi:p:w@host:22"), "ssh://pi:…@host:22");
  assertEquals(withoutPassword("ssh://pi@host:22/a@b"), "ssh://pi@host:22/a@b");
});

Deno.test("isBoardName() and isPlainPath() tell addresses from serials, and plain paths from others", () => {
  assertEquals(["ssh://pi", "SSH://pi", "sshd", "host:22"].map(isBoardName), [
    true,
    true,
    false,
    false,
  ]);
  assertEquals(["/", "/home/pi/.posemark", "relative", "/a b", "/a'b", "/a/.."].map(isPlainPath), [
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});
