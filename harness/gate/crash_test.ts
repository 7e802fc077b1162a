import { assertEquals, assertStringIncludes } from "@std/assert";
import { judgeCrash, whereCrashed } from "./crash.ts";

const SAID = "killed by SIGSEGV";
const LAYERS = [
  "posemark-layers bus 0",
  "Convolution              conv_0                            1.250ms    |",
  "Swish                    silu_1                            0.113ms    |",
];

Deno.test("judgeCrash() fails a candidate that crashes, and no candidate for what the baseline does too", () => {
  const crash = (side: "baseline" | "candidate" | "both") =>
    judgeCrash({ side, what: "crashes in network", said: SAID }, false);
  assertEquals(crash("candidate"), {
    verdict: "fail",
    reason: "crashes in network; killed by SIGSEGV",
  });
  for (const side of ["baseline", "both"] as const) {
    assertEquals(crash(side).verdict, "inconclusive");
    assertStringIncludes(crash(side).reason, SAID);
  }
});

Deno.test("judgeCrash() passes what ran, and nothing by absence", () => {
  assertEquals(judgeCrash(null, true).verdict, "pass");
  assertEquals(judgeCrash(null, false).verdict, "inconclusive");
});

Deno.test("whereCrashed() names the last layer that finished, of the last inference", () => {
  const earlier = ["posemark-layers bus -1", LAYERS[1].replace("conv_0", "conv_9")];
  assertEquals(whereCrashed([...earlier, ...LAYERS], 20), "crashes in network, after Swish silu_1");
  // the mark was printed before the lines that were kept
  assertEquals(whereCrashed(LAYERS.slice(1), 2), "crashes in network, after Swish silu_1");
});

Deno.test("whereCrashed() tells loading, the first layer, and what follows the network apart", () => {
  assertEquals(whereCrashed(["load_model failed"], 20), "crashes while it loads the model");
  assertEquals(
    whereCrashed(LAYERS.slice(0, 1), 20),
    "crashes in network, before its first layer finished",
  );
  assertEquals(whereCrashed(LAYERS, 2), "crashes after the network");
  assertEquals(whereCrashed(null, 2), "crashes in the runner");
});
