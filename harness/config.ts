/**
 * Options of the commands: their types, defaults, and the strict reading of their values.
 *
 * @module
 */
import type { Activation, Branch, Head, OutputBlob, Route, Shape } from "./record/variant.ts";
import type { Precision } from "./record/precision.ts";
import { parseSettings, type RunSettings } from "./record/run_settings.ts";
import { HarnessError } from "./errors.ts";

/**
 * A shape as asked for: `own` is the static shape of the model file, `rect` its long side as a
 * rectangle.
 */
export type ShapeChoice = { mode: "own" } | { mode: "rect"; longSidePx: number | null } | Shape;

/** What the user says of ncnn files that are among the models. */
export interface GivenOptions {
  /** ONNX or `.pt` files, or names: one for all ncnn files, or one each in their order. */
  references: string[];
  /** Name of the input blob; null: it is found. */
  input: string | null;
  /** Output blobs and what they hold; null: found. */
  outputs: OutputBlob[] | null;
  /** Names of the output blobs, without what they hold; null: found. */
  outputNames: string[] | null;
}

/** Which variants to make, see DESIGN "What a variant is". */
export interface VariantOptions {
  /** ONNX files, `.pt` files, names of known models, ncnn files. */
  models: string[];
  /** Null: as each model was trained. */
  activations: Activation[] | null;
  heads: Head[];
  /** Absent: the branch that each file has; one-to-many of a checkpoint that has both. */
  branches?: Branch[];
  precisions: Precision[];
  shapes: ShapeChoice[];
  converters: Route[];
  /** How ncnn files among the models are understood. */
  given?: GivenOptions;
  /** Settings at run time; absent: as the run has them. */
  settings?: RunSettings[];
  /**
   * Folder of images that int8 is calibrated on; without it the images that ship with the project.
   */
  calibrationImages?: string;
}

/** Number of an option, within its range; throws `bad-option`. */
export function parseNumber(
  option: string,
  text: string,
  range: { min: number; max: number; integer?: boolean; exclusive?: boolean },
): number {
  const value = text.trim() === "" ? NaN : Number(text);
  const inside = range.exclusive
    ? value > range.min && value < range.max
    : value >= range.min && value <= range.max;
  if (!Number.isFinite(value) || !inside || (range.integer && !Number.isInteger(value))) {
    const kind = range.integer ? "a whole number" : "a number";
    const bounds = range.exclusive
      ? `greater than ${range.min} and less than ${range.max}`
      : `from ${range.min} to ${range.max}`;
    throw new HarnessError(
      "bad-option",
      `Cannot use ${option} "${text}": expected ${kind} ${bounds}`,
    );
  }
  return value;
}

/**
 * Values of a comma-separated option, each one of `allowed`, without repeats; throws `bad-option`.
 */
export function parseList<T extends string>(
  option: string,
  text: string,
  allowed: readonly T[],
): T[] {
  const values = text.split(",").map((value) => value.trim()).filter((value) => value !== "");
  if (values.length === 0) {
    throw new HarnessError(
      "bad-option",
      `Cannot use ${option} "${text}": expected one or more of ${
        allowed.join(", ")
      }, separated by commas`,
    );
  }
  for (const value of values) {
    if (!(allowed as readonly string[]).includes(value)) {
      throw new HarnessError(
        "bad-option",
        `Cannot use ${option} "${value}": expected one or more of ${
          allowed.join(", ")
        }, separated by commas`,
      );
    }
  }
  return [...new Set(values)] as T[];
}

/**
 * Returns the one value of an option; throws `HarnessError` `bad-option` for another, or for
 * several.
 */
export function parseChoice<T extends string>(
  option: string,
  text: string,
  allowed: readonly T[],
): T {
  const value = allowed.find((one) => one === text);
  if (value !== undefined) return value;
  throw new HarnessError(
    "bad-option",
    `Cannot use ${option} "${text}": expected ${
      new Intl.ListFormat("en", { type: "disjunction" }).format(allowed)
    }`,
  );
}

/**
 * Shapes of `--shape`: `640x640` (width × height, multiples of 32), `rect`, `rect640`; throws
 * `bad-option`.
 *
 * @example
 * ```ts
 * parseShapes("--shape", "640x640,rect"); // [{ mode: "fixed", widthPx: 640, heightPx: 640 }, { mode: "rect", … }]
 * ```
 */
export function parseShapes(option: string, text: string): ShapeChoice[] {
  const shapes: ShapeChoice[] = [];
  for (const part of text.split(",").map((value) => value.trim())) {
    const fixed = /^(\d{1,5})x(\d{1,5})$/.exec(part);
    const rect = /^rect(\d{1,5})?$/.exec(part);
    const sides = fixed ? [Number(fixed[1]), Number(fixed[2])] : [Number(rect?.[1] ?? 32)];
    if ((!fixed && !rect) || sides.some((side) => side < 32 || side % 32 !== 0 || side > 4096)) {
      throw new HarnessError(
        "bad-option",
        `Cannot use ${option} "${part}": expected WIDTHxHEIGHT in multiples of 32 from 32 to 4096 (for instance 640x640 or 352x640), ` +
          `or rect (the rectangle that each image needs) or rect640 (with this long side)`,
      );
    }
    shapes.push(
      fixed
        ? { mode: "fixed", widthPx: sides[0], heightPx: sides[1] }
        : { mode: "rect", longSidePx: rect![1] ? sides[0] : null },
    );
  }
  return shapes;
}

/**
 * Settings of `--settings`: `t1`, `t2-no_winograd`; throws `bad-option`.
 *
 * @example
 * ```ts
 * parseRunSettings("--settings", "t1,t2").length; // 2
 * ```
 */
export function parseRunSettings(option: string, text: string): RunSettings[] {
  return text.split(",").map((part) => {
    const settings = parseSettings(part.trim());
    if (settings !== null) return settings;
    throw new HarnessError(
      "bad-option",
      `Cannot use ${option} "${text}": found "${part}", expected settings joined by - in this order: t2 (threads), p2 (powersave) or mf0 (CPUs), no_winograd, no_sgemm, no_packing`,
    );
  });
}
