/**
 * Records and manifests of earlier versions → the newest version (pure, one value at a time).
 *
 * A step changes what its version changed and nothing else; the schema judges the result. Add a
 * step for a new version, and a file of the version before it to `testdata/`.
 *
 * @module
 */

/** A JSON object of which nothing is known yet. */
type JsonObject = Record<string, unknown>;

/** Makes an object of one version one of the next; null when the next has no place for it. */
type Step = (value: JsonObject) => JsonObject | null;

/** What version 2 changed in a manifest. */
const manifestTo2: Step = (manifest) => manifest;

/** The runner's options of a run: version 1 had these as they are here, without a name for them. */
const RUNNER_OPTIONS_TO_2: Step = ({ traps, ...options }) => ({
  maxDetections: 300,
  winograd: true,
  sgemm: true,
  packing: true,
  ...options,
  // --trap is gone; a run that had one is like no other
  ...(Array.isArray(traps) && traps.length > 0 ? { traps } : {}),
});

/** What version 2 changed in the records, by kind; a kind that is not here stayed as it was. */
const RECORD_TO_2: Partial<Record<string, Step>> = {
  run(record) {
    const { options } = record;
    if (!isObject(options) || !isObject(options.runner)) return record;
    return { ...record, options: { ...options, runner: RUNNER_OPTIONS_TO_2(options.runner) } };
  },
  // The parity record of the same image holds the same detections.
  detections: () => null,
};

/** Steps of manifests, by the version that they start from. */
const MANIFEST_STEPS: Partial<Record<number, Step>> = { 1: manifestTo2 };

/** Steps of records, by the version that they start from. */
const RECORD_STEPS: Partial<Record<number, Step>> = {
  1: (record) => {
    const step = RECORD_TO_2[String(record.kind)];
    return step === undefined ? record : step(record);
  },
};

/**
 * Returns a variant's manifest in the newest version. A value that is no manifest of an earlier
 * version comes back as it is, for the schema to judge.
 */
export function migrateManifest(manifest: unknown): unknown {
  return migrate(manifest, MANIFEST_STEPS);
}

/**
 * Returns a record of `records.jsonl` in the newest version; null for one whose facts another
 * record holds now. The manifests in it are left to their own schema. A value that is no record of
 * an earlier version comes back as it is.
 */
export function migrateRecord(record: unknown): unknown {
  return migrate(record, RECORD_STEPS);
}

/**
 * Returns the value after all steps from its `schemaVersion` on, each of which counts the version
 * up; null when a step drops it. A value without a version to start from comes back as it is.
 */
export function migrate(value: unknown, steps: Partial<Record<number, Step>>): unknown {
  let current = value;
  while (isObject(current)) {
    const version = Number(current.schemaVersion);
    const step = steps[version];
    if (step === undefined) return current;
    const next = step(current);
    current = next && { ...next, schemaVersion: version + 1 };
  }
  return current;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
