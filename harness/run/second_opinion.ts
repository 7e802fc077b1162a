/**
 * benchncnn's figures beside the runner's.
 *
 * @module
 */
import { benchncnnCommand, parseBenchncnn } from "../toolchain/benchncnn.ts";
import { isLaunchFailure } from "../errors.ts";
import { RECORD_VERSION } from "../record/records.ts";
import { failureRecord, type RecordLog } from "../record/record_log.ts";
import type { VariantManifest } from "../record/variant.ts";
import type { DeviceSetup } from "./deploy.ts";
import type { LaunchHooks, LaunchPlan } from "./launch.ts";
import { variantOptions } from "./runner_command.ts";
import type { PlannedLaunch } from "./schedule.ts";

/**
 * Appends benchncnn's own figures for the variant's graph; a failure is recorded and costs nothing
 * else.
 */
export async function secondOpinion(
  setup: DeviceSetup,
  plan: LaunchPlan,
  manifest: VariantManifest,
  launch: PlannedLaunch,
  { log, signal }: LaunchHooks & { log: Pick<RecordLog, "append"> },
): Promise<void> {
  const { benchncnn, param } = setup.models.get(manifest.id)!;
  if (benchncnn === null) return;
  const { device } = setup;
  const options = variantOptions(manifest, setup.options);
  const where = {
    runId: plan.runId,
    device: device.serial,
    variantId: manifest.id,
    round: launch.round,
    at: new Date().toISOString(),
  };
  const loops = Math.max(4, Math.min(64, plan.images.length * options.iterations));
  const { widthPx, heightPx } = manifest.shape;
  try {
    const result = await device.launch({
      command: benchncnnCommand({
        benchncnn,
        param,
        loops,
        threads: options.threads,
        powersave: options.powersave,
        widthPx,
        heightPx,
        precision: manifest.precision,
      }),
      name: `benchncnn${launch.round}-${launch.position}`,
      runDir: setup.runDir,
    }, { timeoutMs: plan.launchTimeoutMs, signal: signal });
    log.append({
      kind: "benchncnn",
      schemaVersion: RECORD_VERSION,
      ...where,
      loops,
      threads: options.threads,
      powersave: options.powersave,
      inputWidthPx: widthPx,
      inputHeightPx: heightPx,
      ...parseBenchncnn(result.stderr),
    });
  } catch (error) {
    if (!isLaunchFailure(error)) throw error;
    log.append(failureRecord(where, error, "benchncnn: "));
  }
}
