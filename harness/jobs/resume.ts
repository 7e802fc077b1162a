/**
 * Whether a resumed run is the same experiment as the one on record (pure).
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import type { RunRecord } from "../record/records.ts";

/** Keys of a run that must not change when it is resumed, as `name: value`. */
function experimentKeys(run: RunRecord): Map<string, unknown> {
  const keys = new Map<string, unknown>();
  for (const [name, value] of Object.entries(run.options)) keys.set(`option ${name}`, value);
  // A resumed run may ask for more rounds than before, and give a launch more time: no figure
  // depends on them.
  for (const name of ["rounds", "launchTimeoutMs"]) keys.delete(`option ${name}`);
  for (const { id, bin, param } of run.variants) {
    keys.set(`weights of variant ${id}`, bin.sha256);
    keys.set(`graph of variant ${id}`, param.sha256);
  }
  for (const { serial, buildFingerprint } of run.devices) {
    keys.set(`build of device ${serial}`, buildFingerprint);
    keys.set(`runner on device ${serial}`, run.harness.runnerSha256[serial]);
  }
  for (const { id, sha256 } of run.images) keys.set(`image ${id}`, sha256);
  keys.set("base variant", run.baseVariantId);
  return keys;
}

/**
 * Throws `not-comparable` that names the first key in which a resumed run differs from the one on
 * record.
 */
export function requireSameExperiment(recorded: RunRecord, asked: RunRecord, out: string): void {
  const before = experimentKeys(recorded), now = experimentKeys(asked);
  for (const key of new Set([...before.keys(), ...now.keys()])) {
    const [old, fresh] = [before.get(key), now.get(key)].map((value) =>
      JSON.stringify(value) ?? "absent"
    );
    if (old === fresh) continue;
    throw new HarnessError(
      "not-comparable",
      `Cannot resume the run in ${out}: ${key} was ${old}, now ${fresh}. ` +
        `Give the same options and files as before, or start a new run with another --out`,
    );
  }
}
