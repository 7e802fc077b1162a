/**
 * Two variants → what changed between them, and the combinations that are measured to divide the
 * difference among the changes. Pure.
 *
 * @module
 */
import {
  AXIS_NAMES,
  axisLabels,
  type AxisName,
  VARIANT_AXES,
  variantId,
  type VariantKey,
} from "../record/variant.ts";
import { combinationName, combinationsOf, possibleOrders } from "../stats/attribution.ts";
import { isPossible } from "./space.ts";

/** One thing that differs between two variants. */
export interface Change {
  /** An axis; a model that differs goes with its activation. */
  name: AxisName;
  /** As people read it: `SiLU → ReLU`. */
  label: string;
  /** What it is afterwards: `ReLU`. */
  after: string;
}

/** How the difference between two variants is measured. */
export interface Ladder {
  changes: Change[];
  /** Orders in which the changes can be made. */
  orders: string[][];
  /** What is measured: from the first variant to the second. */
  steps: { made: readonly string[]; name: string; key: VariantKey }[];
}

/** Most changes of a ladder: 32 combinations. */
export const MOST_CHANGES = 5;

/** Returns the changes from one variant to the other, in the order of the axes. */
export function changesBetween(from: VariantKey, to: VariantKey): Change[] {
  const labels = [axisLabels(from), axisLabels(to)];
  const models = from.model === to.model ? "" : ` (${from.model} → ${to.model})`;
  return AXIS_NAMES.filter((name) =>
    VARIANT_AXES[name].text(from) !== VARIANT_AXES[name].text(to) ||
    name === "activation" && models !== ""
  ).map((name) => ({
    name,
    label: `${labels[0][name]} → ${labels[1][name]}${name === "activation" ? models : ""}`,
    after: labels[1][name],
  }));
}

/** Returns the ladder from one variant to the other; it has no order when none is possible. */
export function ladderOf(from: VariantKey, to: VariantKey, ownShape: VariantKey["shape"]): Ladder {
  const changes = changesBetween(from, to);
  const names = changes.map(({ name }) => name);
  const keyOf = (made: readonly string[]) => withChanges(from, to, made as AxisName[]);
  const canBe = (key: VariantKey) =>
    isPossible(key) &&
    // the decode in the graph holds the size that the model was exported for
    (key.head !== "decoded" || VARIANT_AXES.shape.text(key) ===
        VARIANT_AXES.shape.text({ ...key, shape: ownShape }));
  const orders = possibleOrders(names, (made) => canBe(keyOf(made)));
  return {
    changes,
    orders,
    steps: combinationsOf(orders).map((made) => ({
      made,
      name: combinationName(made),
      key: keyOf(made),
    })),
  };
}

/** The first variant with the second's values on these axes. */
function withChanges(from: VariantKey, to: VariantKey, made: readonly AxisName[]): VariantKey {
  const key = { ...from };
  for (const name of made) {
    switch (name) {
      case "activation":
        Object.assign(key, {
          model: to.model,
          activation: to.activation,
          speedOnly: to.speedOnly,
        });
        break;
      default:
        Object.assign(key, { [name]: to[name] });
    }
  }
  return key;
}

/** Returns how a step is called in a table: its changes, or the first variant's own. */
export function stepLabel({ changes }: Ladder, made: readonly string[]): string {
  if (made.length === 0) return "as it was";
  return changes.filter(({ name }) => made.includes(name)).map(({ after }) => after).join(", ");
}

/** Returns the ids of the steps by their names. */
export function stepIds({ steps }: Ladder): Map<string, string> {
  return new Map(steps.map(({ name, key }) => [name, variantId(key)]));
}
