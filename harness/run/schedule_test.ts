import { assertEquals } from "@std/assert";
import { planRounds } from "./schedule.ts";

Deno.test("planRounds() gives every variant the same mean place when two rounds are done", () => {
  const ids = ["a", "b", "c"];
  const plan = planRounds(ids, 2);
  assertEquals(plan.map((launch) => launch.variantId), ["a", "b", "c", "c", "b", "a"]);
  const places = ids.map((id) =>
    plan.flatMap((launch, index) => launch.variantId === id ? [index] : [])
      .reduce((sum, index) => sum + index, 0)
  );
  assertEquals(places, [5, 5, 5]);
});

Deno.test("planRounds() counts round and position from 0 and is empty without rounds", () => {
  assertEquals(planRounds(["a", "b"], 2).at(-1), { variantId: "a", round: 1, position: 1 });
  assertEquals(planRounds(["a"], 0), []);
});
