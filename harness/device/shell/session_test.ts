import { assertEquals } from "@std/assert";
import { parseBoot, wasRebooted } from "./session.ts";

Deno.test("wasRebooted() follows the boot id, and without it the uptime", () => {
  const boot = (id: string | null, uptimeSeconds: number | null) => ({
    id,
    uptimeSeconds,
    readAtMs: 0,
  });
  assertEquals(wasRebooted(boot("a", 100), boot("a", 5)), false);
  assertEquals(wasRebooted(boot("a", 100), boot("b", 500)), true);
  assertEquals(wasRebooted(boot(null, 100), boot(null, 5)), true);
  assertEquals(wasRebooted(boot(null, 100), boot("a", 101)), false);
  assertEquals(wasRebooted(boot(null, null), boot(null, 5)), false);
  const read = parseBoot(
    "@@posemark boot\n8ac36b99-5b59-4094-80c3-5a9660ae7386\n@@posemark uptime\n6.30 4.32\n",
  );
  assertEquals([read.id, read.uptimeSeconds], ["8ac36b99-5b59-4094-80c3-5a9660ae7386", 6.3]);
  assertEquals(parseBoot("@@posemark boot\n-\n@@posemark uptime\n-").id, null);
});
