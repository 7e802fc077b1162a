/**
 * Phones × pairs of variants → shards, and shards → batches for the engine: pure.
 *
 * @module
 */
import type { FarmNode } from "./engine.ts";
import { phoneKind } from "../record/device_features.ts";
import { matchesPhones, type PhoneChoice } from "./phone_choice.ts";
import { HarnessError } from "../errors.ts";

/** Two variants that are compared. */
export interface Pair {
  base: string;
  candidate: string;
}

/** A shard before it has a file. */
export interface PlannedShard extends Pair {
  index: number;
  /** Phone that it is for; null when any of a kind will do. */
  phone: string | null;
  /** Features that the phone must have. */
  features: string[];
}

/** What is planned: phones in the order of the engine, each with all pairs. */
export interface Plan {
  /**
   * Phones that match, by name; those that are down are planned too, and are missed if they don't
   * come back.
   */
  phones: FarmNode[];
  pairs: Pair[];
  /**
   * Null: every phone runs every pair. A number: every kind runs every pair so often, on phones
   * that the engine picks.
   */
  perKind: number | null;
}

/**
 * Returns the plan for the phones that the choice takes.
 *
 * Throws `HarnessError` `device-not-found` when no phone matches, `bad-config` when two phones have
 * the same `phone.` feature.
 */
export function planRun(
  nodes: readonly FarmNode[],
  choice: PhoneChoice,
  pairs: readonly Pair[],
  perKind: number | null,
): Plan {
  const phones = nodes.filter((node) => matchesPhones(node.features, choice));
  if (phones.length === 0) {
    const kinds = [...new Set(nodes.map((node) => phoneKind(node.features)))].slice(0, 10);
    throw new HarnessError(
      "device-not-found",
      `Cannot plan the run: none of the farm's ${nodes.length} phones matches --devices. ` +
        (kinds.length === 0 ? "It has none" : `It has: ${kinds.join("; ")}`),
    );
  }
  if (perKind === null) {
    const seen = new Set<string>();
    for (const phone of phones) {
      const feature = ownFeature(phone);
      if (seen.has(feature)) {
        throw new HarnessError(
          "bad-config",
          `Cannot plan the run: two phones of the farm have the feature "${feature}", expected one each. ` +
            `Write the nodes anew by "deno task farm setup"`,
        );
      }
      seen.add(feature);
    }
  }
  return { phones, pairs: [...pairs], perKind };
}

/**
 * Yields the shards in order of their index, all of one target together: memory stays bounded
 * whatever the size.
 */
export function* planShards(plan: Plan): Generator<PlannedShard> {
  let index = 0;
  for (const target of targets(plan)) {
    for (const pair of plan.pairs) {
      for (let repeat = 0; repeat < target.repeats; repeat++) {
        yield { index: index++, phone: target.phone, features: target.features, ...pair };
      }
    }
  }
}

/** Number of shards of the plan. */
export function shardCount(plan: Plan): number {
  return targets(plan).reduce((sum, target) => sum + target.repeats, 0) * plan.pairs.length;
}

/** Most shards of one batch: Slurm's default for the tasks of an array is 1000. */
const BATCH_SIZE = 1000;

/** Shards that go to the engine in one call. */
export interface BatchSlice {
  indices: number[];
  features: string[];
}

/**
 * Yields the shards in batches of one target each; `skip` leaves shards out.
 *
 * @param mostIndices that a batch may span, from its smallest to its largest
 */
export function* planBatches(
  plan: Plan,
  skip: (index: number) => boolean = () => false,
  mostIndices: number = Infinity,
): Generator<BatchSlice> {
  let batch: BatchSlice = { indices: [], features: [] };
  for (const { index, features } of planShards(plan)) {
    if (skip(index)) continue;
    const isWide = batch.indices.length > 0 && index - batch.indices[0] >= mostIndices;
    if (batch.features !== features || batch.indices.length >= BATCH_SIZE || isWide) {
      if (batch.indices.length > 0) yield batch;
      batch = { indices: [], features };
    }
    batch.indices.push(index);
  }
  if (batch.indices.length > 0) yield batch;
}

/** Something that shards are planned for: a phone, or a kind of phones. */
interface ShardTarget {
  phone: string | null;
  features: string[];
  repeats: number;
}

function targets(plan: Plan): ShardTarget[] {
  if (plan.perKind === null) {
    return plan.phones.map((phone) => ({
      phone: phone.name,
      features: [ownFeature(phone)],
      repeats: 1,
    }));
  }
  const kinds = Map.groupBy(plan.phones, (phone) => phoneKind(phone.features));
  return [...kinds].map(([, phones]) => ({
    phone: null,
    features: phones[0].features.filter((feature) => /^(soc|model)\./.test(feature)),
    repeats: plan.perKind!,
  }));
}

/** The feature that no other phone has. */
function ownFeature(phone: FarmNode): string {
  const feature = phone.features.find((feature) => feature.startsWith("phone."));
  if (feature !== undefined) return feature;
  throw new HarnessError(
    "bad-config",
    `Cannot plan the run: phone "${phone.name}" of the farm has no feature that begins with "phone.". ` +
      `Write the nodes anew by "deno task farm setup"`,
  );
}
