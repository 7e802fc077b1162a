import { assertEquals, assertStringIncludes } from "@std/assert";
import { parseBoardAddress } from "./address.ts";
import { sshError } from "./words.ts";

const PI = parseBoardAddress("ssh://pi@rpi5:2222");

Deno.test("sshError() tells by OpenSSH's words what is in the way, and the command that helps", () => {
  // As OpenSSH 7.9 to 10.0 prints them with LogLevel=ERROR.
  const cases: [string, string, string][] = [
    [
      "pi@rpi5: Permission denied (publickey,password).",
      "device-unauthorized",
      "ssh-copy-id -p 2222 pi@rpi5",
    ],
    [
      "Received disconnect from ::1 port 22:2: Too many authentication failures",
      "device-unauthorized",
      "ssh-add",
    ],
    [
      "No ED25519 host key is known for rpi5 and you have requested strict checking.\r\nHost key verification failed.",
      "device-unauthorized",
      "not known here",
    ],
    [
      "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\nHost key verification failed.",
      "device-unauthorized",
      "[rpi5]:2222",
    ],
    [
      "ssh: Could not resolve hostname rpi5: Name or service not known",
      "device-not-found",
      "spelling",
    ],
    [
      "ssh: connect to host rpi5 port 2222: Connection refused",
      "device-offline",
      "nothing listens",
    ],
    ["ssh: connect to host rpi5 port 2222: Connection timed out", "device-offline", "power"],
    ["ssh: connect to host rpi5 port 2222: No route to host", "device-offline", "power"],
    [
      "Unable to negotiate with 10.0.0.2 port 22: no matching host key type found. Their offer: ssh-rsa",
      "device-unauthorized",
      "no algorithm",
    ],
    ["/home/u/.ssh/config: line 3: Bad configuration option: foo", "bad-option", "configuration"],
    ["Connection closed by 10.0.0.2 port 22", "device-lost", "Connection closed"],
    ["", "device-lost", "ssh said nothing"],
  ];
  for (const [stderr, code, words] of cases) {
    const error = sshError(PI, "read the state", stderr);
    assertEquals(error.code, code, stderr);
    assertStringIncludes(error.message, words);
    assertStringIncludes(error.message, 'read the state of device "ssh://pi@rpi5:2222"');
  }
});

Deno.test("sshError() shows control characters of a hostile server", () => {
  const { message } = sshError(PI, "read", "\x1b[2JConnection refused");
  assertEquals(message.includes("\x1b"), false);
});
