/**
 * The records of a run by kind.
 *
 * @module
 */
import type {
  AnyRecord,
  BenchncnnRecord,
  FailureRecord,
  LaunchRecord,
  LayerParityRecord,
  LayerTimesRecord,
  ParityRecord,
  RooflineRecord,
  RunRecord,
  TurnsRecord,
} from "./records.ts";

/** Records of a run, by kind. */
export interface RunRecords {
  run: RunRecord;
  /** Launches of a variant alone. */
  launches: LaunchRecord[];
  /** Parts of launches that variants shared. */
  turns: TurnsRecord[];
  parity: ParityRecord[];
  benchncnn: BenchncnnRecord[];
  failures: FailureRecord[];
  layerTimes: LayerTimesRecord[];
  roofline: RooflineRecord[];
  layerParity: LayerParityRecord[];
}

/** Returns the records by kind. The first one must be the run record. */
export function sortRecords(records: AnyRecord[]): RunRecords {
  const [run] = records;
  if (run?.kind !== "run") throw new TypeError("Cannot sort records: the first is no run record");
  const of = <K extends AnyRecord["kind"]>(kind: K) =>
    records.filter((record): record is Extract<AnyRecord, { kind: K }> => record.kind === kind);
  return {
    run,
    launches: of("launch"),
    turns: of("turns"),
    parity: of("parity"),
    benchncnn: of("benchncnn"),
    failures: of("failure"),
    layerTimes: of("layer-times"),
    roofline: of("roofline"),
    layerParity: of("layer-parity"),
  };
}
