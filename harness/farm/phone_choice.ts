/**
 * Which phones of a farm are asked for, by their features.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { FEATURE_KEYS, type FeatureKey, featureValue } from "../record/device_features.ts";

/**
 * A choice of phones: every key must match one of its values. An empty choice takes every phone.
 */
export type PhoneChoice = ReadonlyMap<FeatureKey, readonly string[]>;

/**
 * Returns the choice that `--devices` asks for: `key=value` separated by commas; a key given twice
 * accepts either value.
 *
 * Throws `HarnessError` `bad-option` for an unknown key or a part without a value.
 *
 * @example
 * ```ts
 * parsePhones("--devices", "soc=sm8550,soc=tensor_g3,android=14"); // soc is one of the two, and android is 14
 * ```
 */
export function parsePhones(option: string, text: string): PhoneChoice {
  const choice = new Map<FeatureKey, string[]>();
  for (const part of text.split(",").map((part) => part.trim())) {
    if (part === "all" && text.trim() === "all") return choice;
    const [key, ...rest] = part.split("=");
    const value = rest.join("=").trim();
    if (!(FEATURE_KEYS as readonly string[]).includes(key.trim()) || value === "") {
      throw new HarnessError(
        "bad-option",
        `Cannot use ${option} "${part}": expected all, or key=value separated by commas with key one of ${
          FEATURE_KEYS.join(", ")
        } (deno task farm nodes lists what the farm's phones have)`,
      );
    }
    const values = choice.get(key.trim() as FeatureKey) ?? [];
    values.push(featureValue(value));
    choice.set(key.trim() as FeatureKey, values);
  }
  return choice;
}

/** Returns whether the features satisfy the choice. */
export function matchesPhones(features: readonly string[], choice: PhoneChoice): boolean {
  const have = new Set(features);
  return [...choice].every(([key, values]) => values.some((value) => have.has(`${key}.${value}`)));
}
