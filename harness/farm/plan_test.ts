import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { FarmNode } from "./engine.ts";
import { parsePhones } from "./phone_choice.ts";
import { HarnessError } from "../errors.ts";
import { type Pair, planBatches, planRun, planShards, shardCount } from "./plan.ts";

const node = (name: string, soc: string): FarmNode => ({
  name,
  features: [`phone.${name}`, `soc.${soc}`, "model.m"],
  state: "idle",
  reason: null,
});
const NODES = [node("a", "x"), node("b", "y"), node("c", "x")];
const PAIRS: Pair[] = [{ base: "v0", candidate: "v1" }, { base: "v0", candidate: "v2" }];

Deno.test("planRun() gives every phone that matches every pair, under indices that follow each other", () => {
  const plan = planRun(NODES, parsePhones("--devices", "soc=x"), PAIRS, null);
  assertEquals(
    [...planShards(plan)].map((s) => [s.index, s.phone, s.features.join(), s.candidate]),
    [
      [0, "a", "phone.a", "v1"],
      [1, "a", "phone.a", "v2"],
      [2, "c", "phone.c", "v1"],
      [3, "c", "phone.c", "v2"],
    ],
  );
  assertEquals(shardCount(plan), 4);
});

Deno.test("planRun() leaves the phone to the engine when a number per kind is asked for", () => {
  const plan = planRun(NODES, new Map(), PAIRS, 3);
  const shards = [...planShards(plan)];
  assertEquals(shards.length, 12);
  assertEquals([shards[0].phone, shards[0].features], [null, ["soc.x", "model.m"]]);
  assertEquals(shardCount(plan), 12);
});

Deno.test("planRun() says what the farm has when nothing matches, and refuses phones that can't be told apart", () => {
  const error = assertThrows(
    () => planRun(NODES, parsePhones("--devices", "soc=z"), PAIRS, null),
    HarnessError,
  );
  assertEquals(error.code, "device-not-found");
  assertStringIncludes(error.message, "soc.x model.m; soc.y model.m");
  assertThrows(() => planRun([], new Map(), PAIRS, null), HarnessError, "It has none");
  assertThrows(
    () => planRun([NODES[0], NODES[0]], new Map(), PAIRS, null),
    HarnessError,
    '"phone.a"',
  );
  const bare = { ...NODES[0], features: [] };
  assertThrows(
    () => [...planShards(planRun([bare], new Map(), PAIRS, null))],
    HarnessError,
    "phone.",
  );
});

Deno.test("planBatches() gives each phone batches of at most 1000 shards, and repeats or skips nothing", () => {
  const pairs = Array.from({ length: 1100 }, (_, i) => ({ base: "v", candidate: `c${i}` }));
  const plan = planRun(NODES, new Map(), pairs, null);
  const batches = [...planBatches(plan)];
  assertEquals(batches.map((b) => [b.features.join(), b.indices.length]), [
    ["phone.a", 1000],
    ["phone.a", 100],
    ["phone.b", 1000],
    ["phone.b", 100],
    ["phone.c", 1000],
    ["phone.c", 100],
  ]);
  const all = batches.flatMap((b) => b.indices);
  assertEquals(all, Array.from({ length: 3300 }, (_, i) => i));
  const rest = [...planBatches(plan, (index) => index < 1500)];
  assertEquals(rest.flatMap((b) => b.indices), Array.from({ length: 1800 }, (_, i) => i + 1500));
});

Deno.test("planBatches() has for each index the features that planShards() gives it", () => {
  const plan = planRun(NODES, new Map(), PAIRS, 2);
  const features = new Map([...planShards(plan)].map((s) => [s.index, s.features.join()]));
  for (const batch of planBatches(plan)) {
    for (const index of batch.indices) assertEquals(features.get(index), batch.features.join());
  }
});
