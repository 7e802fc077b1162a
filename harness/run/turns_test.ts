import { assertEquals } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { arrangeLaunch, contestantAtFault } from "./turns.ts";

Deno.test("arrangeLaunch() loads two by ABBA BAAB, and each order of loading meets each order of turns", () => {
  const arranged = [0, 1, 2, 3].map((index) => arrangeLaunch(["A", "B"], index, 1));
  assertEquals(arranged.map(({ contestants }) => contestants.join("")), ["AB", "BA", "BA", "AB"]);
  // with one image the step alone says who begins: even steps go forwards
  const begins = arranged.map(({ contestants, firstStep }) => contestants[firstStep % 2]);
  assertEquals(begins, ["A", "B", "A", "B"]);
});

Deno.test("arrangeLaunch() gives each of several contestants every place equally often", () => {
  const places = new Map<string, number>();
  for (let index = 0; index < 8; index++) {
    const { contestants, firstStep } = arrangeLaunch(["a", "b", "c", "d"], index, 24);
    assertEquals(firstStep, 24 * Math.floor(index / 2));
    contestants.forEach((id, place) =>
      places.set(`${id}${place}`, (places.get(`${id}${place}`) ?? 0) + 1)
    );
  }
  assertEquals([...places.values()], Array(16).fill(2));
});

Deno.test("contestantAtFault() names whose loading or turn a launch did not survive", () => {
  const error = (code: "runner-failed" | "model-refused" | "timeout", stderrTail: string[]) =>
    new HarnessError(code, "Cannot finish", { stderrTail });
  const turns = ['posemark-runner: loading "a"', 'posemark-runner: turn of "b" on image x'];
  assertEquals(contestantAtFault(error("runner-failed", [...turns, "layer failed"])), "b");
  assertEquals(contestantAtFault(error("runner-failed", turns.slice(0, 1))), "a");
  const refused = 'posemark-runner: Contestant "c": Cannot load the graph';
  assertEquals(contestantAtFault(error("model-refused", [...turns, refused])), "c");
  assertEquals(contestantAtFault(error("timeout", turns)), null);
  assertEquals(contestantAtFault(error("runner-failed", ["Killed"])), null);
});
