/**
 * Which contestants share a launch (pure).
 *
 * @module
 */
import type { VariantManifest } from "../record/variant.ts";
import type { DeviceSetup } from "./deploy.ts";
import { variantOptions } from "./runner_command.ts";

/** Most contestants of a launch: each holds its weights and its workspace in memory. */
export const LARGEST_GROUP = 4;
/** Share of the free memory that a group may take. */
const MEMORY_SHARE = 0.7;

/**
 * Returns whether the variants can share a process: they run by one program, on the same CPUs.
 * Their threads and switches may differ.
 */
export function canShare(
  { models, options }: Pick<DeviceSetup, "models" | "options">,
  manifests: readonly Pick<VariantManifest, "id" | "settings">[],
): boolean {
  const places = manifests.map((manifest) => {
    const { powersave, coreMask } = variantOptions(manifest, options);
    return JSON.stringify([models.get(manifest.id)!.runner, coreMask ?? powersave]);
  });
  return new Set(places).size === 1;
}

/**
 * Returns whether contestants fit into memory together, by the largest memory that each took in a
 * launch of its own, bytes. What is not known is no obstacle.
 */
export function fitTogether(
  peaksBytes: readonly (number | null)[],
  freeBytes: number | null,
): boolean {
  const sum = peaksBytes.reduce<number>((bytes, peak) => bytes + (peak ?? 0), 0);
  return freeBytes === null || sum <= MEMORY_SHARE * freeBytes;
}

/** What groups are made from. */
export interface GroupRequest {
  /** Contestants in the order in which they are to be near each other, the base among them. */
  ids: readonly string[];
  /** The one that is in every group. */
  base: string;
  /** Largest memory of a launch of its own by id, bytes; an id without one is unknown. */
  peakBytes: ReadonlyMap<string, number | null>;
  /** Memory that is free on the device, bytes; null when unknown. */
  freeBytes: number | null;
  /** Most contestants of a group. */
  largest: number;
}

/**
 * Returns the groups: each has the base and others in the order given, as many as fit. One that
 * does not fit beside the base is in none.
 */
export function planGroups(
  { ids, base, peakBytes, freeBytes, largest }: GroupRequest,
): string[][] {
  const fits = (group: readonly string[]) =>
    fitTogether(group.map((id) => peakBytes.get(id) ?? null), freeBytes);
  const others = ids.filter((id) => id !== base && fits([base, id]));
  const groups: string[][] = [];
  for (const id of others) {
    const group = groups.at(-1);
    if (group !== undefined && group.length < largest && fits([...group, id])) group.push(id);
    else groups.push([base, id]);
  }
  return groups;
}
