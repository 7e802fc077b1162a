import { assertAlmostEquals, assertEquals } from "@std/assert";
import { sessionSpread } from "./sessions.ts";

Deno.test("sessionSpread() comes from successive runs when there are enough of them", () => {
  // steps ±log(1.02): median of the sizes about their median 0
  const values = [1, 1.02, 1, 1.02, 1, 1.02, 1];
  assertAlmostEquals(sessionSpread(values)!.sd, 1.4826 * Math.log(1.02) / Math.SQRT2, 1e-9);
  assertEquals(sessionSpread(values)!.freedom, 2);
  assertEquals(sessionSpread(values.slice(0, 5)), null);
});
