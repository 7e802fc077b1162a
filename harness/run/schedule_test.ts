import { assertEquals } from "@std/assert";
import { fixedRounds, launchesAlone, roundsAlone } from "./schedule.ts";

Deno.test("launchesAlone() gives every variant the same mean place when two rounds are done", () => {
  const ids = ["a", "b", "c"];
  const plan = [0, 1].flatMap((round) => launchesAlone(ids, round));
  assertEquals(plan.map((launch) => launch.variantId), ["a", "b", "c", "c", "b", "a"]);
  assertEquals(plan.at(-1), { variantId: "a", round: 1, position: 2 });
  const places = ids.map((id) =>
    plan.flatMap((launch, index) => launch.variantId === id ? [index] : [])
      .reduce((sum, index) => sum + index, 0)
  );
  assertEquals(places, [5, 5, 5]);
});

Deno.test("fixedRounds() ends after its rounds, each with every variant alone and by turns", () => {
  const seen = { launches: [], turns: [] };
  const schedule = fixedRounds(["a", "b"], 2);
  assertEquals(schedule.next(1, seen), { alone: ["a", "b"], together: ["a", "b"] });
  assertEquals(schedule.next(2, seen), null);
  assertEquals(roundsAlone(["a", "b"], 2).next(0, seen), { alone: ["a", "b"], together: [] });
  assertEquals(roundsAlone(["a", "b"], 2).next(2, seen), null);
  assertEquals(schedule.progress(0.5, seen), { share: 0.25, text: "round 1 of 2" });
});
