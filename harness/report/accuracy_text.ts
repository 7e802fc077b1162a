/**
 * What stands beside an AP in the terminal: what it is of, the joints' errors, doubts, or why there
 * is none (pure).
 *
 * @module
 */
import type { ReportVariant } from "./report_json.ts";

/** Returns the lines, those that hold for several variants once. */
export function accuracyLines(variants: readonly ReportVariant[]): string[] {
  const about = new Map<string, string[]>();
  const tell = (line: string, { id }: ReportVariant) =>
    about.set(line, [...about.get(line) ?? [], id]);
  for (const variant of variants) {
    const { accuracy, accuracyAbsent } = variant;
    if (accuracy === null) {
      if (accuracyAbsent !== null) tell(`no AP: ${accuracyAbsent}`, variant);
      continue;
    }
    tell(
      accuracy.kind === "boxes"
        ? "AP is that of boxes, by IoU"
        : `AP is that of keypoints, by OKS; sigmas: ${accuracy.sigmas ?? "not on record"}`,
      variant,
    );
    for (const doubt of accuracy.doubts) tell(`look at the AP: ${doubt}`, variant);
  }
  const isAll = (ids: readonly string[]) => ids.length === variants.length;
  const lines = [...about].map(([line, ids]) =>
    isAll(ids) ? line : `${line} (${[...new Set(ids)].join(", ")})`
  );
  return [...lines, ...variants.flatMap(jointLine)];
}

/** PCK and mean error of a variant's joints, the worst joint named. */
function jointLine({ id, accuracy }: ReportVariant): string[] {
  const errors = accuracy?.jointErrors ?? null;
  if (errors === null || errors.pck === null) return [];
  const [worst] = errors.joints.filter(({ pck }) => pck !== null)
    .toSorted((a, b) => a.pck! - b.pck!);
  const mean = errors.meanPx === null ? "" : `, mean error ${errors.meanPx.toFixed(1)} px`;
  return [
    `joints: ${id}: PCK@0.1 ${errors.pck.toFixed(3)}${mean}; worst ${worst.name} (PCK ${
      worst.pck!.toFixed(3)
    })`,
  ];
}
