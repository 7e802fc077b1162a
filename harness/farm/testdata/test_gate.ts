/**
 * Which tests of the farm run: those with real daemons only by `POSEMARK_FARM_TESTS=1`.
 *
 * @module
 */
import { missingTools } from "./slurm_cluster.ts";
import { inGroup, REQUIRE_ALL } from "../../testdata/needs.ts";

/**
 * Registers a test that needs daemons. It runs when `POSEMARK_FARM_TESTS` is 1 and all tools are
 * there; a missing tool is a failure with `POSEMARK_REQUIRE_ALL=1`, else the test is left out by
 * name.
 */
export function farmTest(name: string, tools: readonly string[], run: () => Promise<void>): void {
  Deno.test({
    name,
    ...inGroup("farm"),
    async fn(context) {
      const missing = await missingTools(tools);
      if (missing.length === 0) return await run();
      const message = `Cannot run "${name}": ${missing.join(", ")} not found. ` +
        `Install by "apt-get install slurm-wlm munge postgresql adb"`;
      if (REQUIRE_ALL) throw new Error(message);
      await context.step({ name: message, ignore: true, fn: () => {} });
    },
  });
}
