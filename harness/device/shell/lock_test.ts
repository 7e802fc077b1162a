import { assertEquals } from "@std/assert";
import { formatOwner, parseOwner, parseSignOfLife, whyStale } from "./lock.ts";

const BOOT = "8ac36b99-5b59-4094-80c3-5a9660ae7386";
const OTHER = "00000000-5b59-4094-80c3-5a9660ae7386";

Deno.test("parseOwner() reads what formatOwner() wrote, and is null when the file is cut or empty", () => {
  const process = { boot: BOOT, namespace: "pid:[4026531836]", pid: 9, start: "71" };
  const owner = { id: "0a-1b", who: "me@host pid 1", process };
  assertEquals(parseOwner(formatOwner(owner)), owner);
  // As an older version writes it, or where the process is not known.
  assertEquals(parseOwner(formatOwner({ id: "0a", who: "a|b\nc", process: null })), {
    id: "0a",
    who: "a b c",
    process: null,
  });
  assertEquals(parseOwner(""), null);
  assertEquals(parseOwner("0a-1b"), null);
});

Deno.test("parseSignOfLife() reads uptime and boot, the boot being optional", () => {
  assertEquals(parseSignOfLife(`131 ${BOOT}\n`), { uptimeSeconds: 131, bootId: BOOT });
  assertEquals(parseSignOfLife("131 "), { uptimeSeconds: 131, bootId: null });
  assertEquals(parseSignOfLife(""), null);
});

Deno.test("whyStale() is null while the owner may live, and a reason when it is dead", () => {
  const sign = { uptimeSeconds: 100, bootId: BOOT };
  assertEquals(whyStale(sign, { uptimeSeconds: 350, id: BOOT }, 300_000), null);
  assertEquals(
    whyStale(sign, { uptimeSeconds: 401, id: BOOT }, 300_000),
    "its owner gave no sign of life for 301 s",
  );
  // Rebooted: the owner has a minute to come back.
  assertEquals(whyStale(sign, { uptimeSeconds: 30, id: OTHER }, 300_000), null);
  assertEquals(
    whyStale(sign, { uptimeSeconds: 61, id: OTHER }, 300_000),
    "it is from before the device rebooted",
  );
  // No boot ids: a smaller uptime tells it.
  const old = { uptimeSeconds: 5000, bootId: null };
  assertEquals(
    whyStale(old, { uptimeSeconds: 90, id: null }, 300_000),
    "it is from before the device rebooted",
  );
  assertEquals(whyStale(old, { uptimeSeconds: 5001, id: null }, 300_000), null);
  assertEquals(whyStale(null, { uptimeSeconds: 9, id: BOOT }, 1), null);
  assertEquals(whyStale(sign, { uptimeSeconds: null, id: null }, 1), null);
});
