/**
 * Variants that are named by their keys, each made by itself: what a converter can't make of one
 * costs no other.
 *
 * @module
 */
import { parseShapes, type VariantOptions } from "../config.ts";
import { HarnessError } from "../errors.ts";
import { type PreparedVariant, prepareVariants } from "../model/prepare.ts";
import { choiceOf, shapeName, variantId, type VariantKey } from "../record/variant.ts";
import type { ExperimentContext, ExperimentSettings } from "../run/settings.ts";

/** The models whose variants are made, and the images that int8 is calibrated on. */
export type TunedModel = Pick<VariantOptions, "models" | "branches" | "calibrationImages">;

/**
 * Returns the variants that could be made, and why the others could not, by id. Throws what making
 * the first one throws, and what is no fault of the variant.
 */
export async function prepareKeys(
  keys: readonly VariantKey[],
  { model, settings }: { model: TunedModel; settings: Pick<ExperimentSettings, "ncnnSource"> },
  context: ExperimentContext,
): Promise<{ variants: PreparedVariant[]; notMade: Map<string, string> }> {
  const notMade = new Map<string, string>();
  const variants: PreparedVariant[] = [];
  for (const key of keys) {
    context.signal.throwIfAborted();
    const id = variantId(key);
    try {
      const { variants: made } = await prepareVariants({
        ...model,
        ...choiceOf(key),
        shapes: parseShapes("--shape", shapeName(key.shape)),
        ncnnSource: settings.ncnnSource ?? undefined,
        ...context,
      });
      const found = made.find(({ manifest }) => manifest.id === id);
      if (found) variants.push(found);
      else notMade.set(id, "the model has no such variant");
    } catch (error) {
      const isOwn = error instanceof HarnessError &&
        ["bad-option", "bad-model", "convert-failed"].includes(error.code);
      if (!isOwn || key === keys[0]) throw error;
      notMade.set(id, error.message);
    }
  }
  return { variants, notMade };
}
