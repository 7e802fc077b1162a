import { assert, assertEquals } from "@std/assert";
import { fuzzReader } from "./fuzz.ts";
import { READERS } from "./readers.ts";

/** Of the campaign's million: enough to notice a reader that lost its guard. */
const EXECUTIONS = 150;

Deno.test("every reader reads or refuses what is changed, and breaks at nothing", async (test) => {
  for (const reader of READERS) {
    await test.step(reader.name, async () => {
      const { finding, executions, accepted } = await fuzzReader(reader, EXECUTIONS, 20261128);
      assertEquals(finding, null);
      assert(executions >= EXECUTIONS && accepted > 0, `${accepted} of ${executions} accepted`);
    });
  }
});

Deno.test("fuzzReader() finds a reader that breaks, and one that takes too long", async () => {
  const seeds = () => Promise.resolve([new TextEncoder().encode('{"a":1}')]);
  const broken = await fuzzReader(
    {
      name: "json",
      seeds,
      read: (b) => JSON.parse(new TextDecoder().decode(b)),
    },
    200,
    1,
  );
  assert(broken.finding!.error.includes("SyntaxError"));
  const slow = { name: "slow", seeds, read: () => new Promise((done) => setTimeout(done, 30)) };
  assert((await fuzzReader(slow, 1, 1, 10)).finding!.error.includes("it took"));
});
