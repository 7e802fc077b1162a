import { assert, assertEquals } from "@std/assert";
import { limitedStages, SHIPPED_STAGES } from "./schedule.ts";

Deno.test("limitedStages() is the shipped schedule when nothing limits it", () => {
  assertEquals(limitedStages(SHIPPED_STAGES, { pictures: null, batches: null }), [
    ...SHIPPED_STAGES,
  ]);
});

Deno.test("limitedStages() keeps every stage within the limits, and the decay within the stage", () => {
  const stages = limitedStages(SHIPPED_STAGES, { pictures: 32, batches: 4 });
  assertEquals(stages.length, SHIPPED_STAGES.length);
  for (const { pictures, batches, decayBatches } of stages) {
    assertEquals([pictures, batches], [32, 4]);
    assert(decayBatches <= 4);
  }
});

Deno.test("SHIPPED_STAGES ends at the smallest learning rate, on pictures of their full side", () => {
  for (const { sidePx, earlySidePx, decayBatches, batches } of SHIPPED_STAGES) {
    assert(earlySidePx <= sidePx && sidePx % 32 === 0 && earlySidePx % 32 === 0);
    assert(decayBatches < batches);
  }
  assert(SHIPPED_STAGES[SHIPPED_STAGES.length - 1].decayBatches > 0);
});
