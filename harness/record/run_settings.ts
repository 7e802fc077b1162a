/**
 * Settings of ncnn at run time that a variant may bring along: threads, cores and switches. What it
 * leaves open is as the run has it.
 *
 * @module
 */
import { z } from "zod";

/** Schema of {@linkcode RunSettings}. */
export const RunSettingsSchema = z.strictObject({
  threads: z.int().min(1).max(256).nullable().default(null).describe(
    "Threads; null: as the run has it.",
  ),
  powersave: z.int().min(0).max(2).nullable().default(null).describe(
    "ncnn's powersave mode (0 all cores, 1 little, 2 big); null: as the run has it.",
  ),
  coreMask: z.string().regex(/^[0-9a-f]{1,16}$/).nullable().default(null).describe(
    "CPUs that the threads may run on, hexadecimal; null: as the run has it.",
  ),
  winograd: z.boolean().nullable().default(null).describe(
    "Winograd convolutions; null: as the run has it.",
  ),
  sgemm: z.boolean().nullable().default(null).describe(
    "Convolutions by sgemm; null: as the run has it.",
  ),
  packing: z.boolean().nullable().default(null).describe(
    "Packed layout of blobs; null: as the run has it.",
  ),
});
/** See {@linkcode RunSettingsSchema}. */
export type RunSettings = z.infer<typeof RunSettingsSchema>;

/** Everything as the run has it. */
export const NO_SETTINGS: RunSettings = RunSettingsSchema.parse({});

/** How one setting stands in an id: between `-`, in this order. */
const WRITTEN: {
  [K in keyof RunSettings]: {
    text(value: NonNullable<RunSettings[K]>): string;
    label(value: NonNullable<RunSettings[K]>): string;
    parse(text: string): RunSettings[K];
  };
} = {
  threads: {
    text: (value) => `t${value}`,
    label: (value) => value === 1 ? "1 thread" : `${value} threads`,
    parse: (text) => numberAfter(/^t([1-9]\d{0,2})$/, text, 256),
  },
  powersave: {
    text: (value) => `p${value}`,
    label: (value) => ["all cores", "little cores", "big cores"][value],
    parse: (text) => numberAfter(/^p([0-2])$/, text, 2),
  },
  coreMask: {
    text: (value) => `m${value}`,
    label: (value) => `CPUs ${value}`,
    parse: (text) => /^m([1-9a-f][0-9a-f]{0,15})$/.exec(text)?.[1] ?? null,
  },
  winograd: onOff("winograd", "Winograd"),
  sgemm: onOff("sgemm", "sgemm"),
  packing: onOff("packing", "packing"),
};

const NAMES = Object.keys(WRITTEN) as (keyof RunSettings)[];

function onOff(word: string, name: string) {
  return {
    text: (value: boolean) => value ? word : `no_${word}`,
    label: (value: boolean) => value ? `with ${name}` : `without ${name}`,
    parse: (text: string) => text === word ? true : text === `no_${word}` ? false : null,
  };
}

function numberAfter(pattern: RegExp, text: string, most: number): number | null {
  const [, digits] = pattern.exec(text) ?? [];
  return digits === undefined || Number(digits) > most ? null : Number(digits);
}

/**
 * Returns the settings as ids write them, for instance `t2-no_winograd`; "" when all is as the run
 * has it.
 */
export function settingsText(settings: RunSettings): string {
  return told(settings, "text").join("-");
}

/** Returns the settings as people read them; "" when all is as the run has it. */
export function settingsLabel(settings: RunSettings): string {
  return told(settings, "label").join(", ");
}

function told(settings: RunSettings, form: "text" | "label"): string[] {
  return NAMES.flatMap((name) => {
    const value = settings[name];
    // the table has a row of the value's own type for each name
    return value === null ? [] : [(WRITTEN[name][form] as (value: unknown) => string)(value)];
  });
}

/**
 * Returns the settings that such a text means; null for a text that means none, or that names them
 * twice or in another order.
 *
 * @example
 * ```ts
 * parseSettings("t2-no_winograd")?.threads; // 2
 * ```
 */
export function parseSettings(text: string): RunSettings | null {
  const parts = text.split("-");
  const settings: Record<string, unknown> = { ...NO_SETTINGS };
  for (const name of NAMES) {
    const value = parts.length === 0 ? null : WRITTEN[name].parse(parts[0]);
    if (value === null) continue;
    settings[name] = value;
    parts.shift();
  }
  return parts.length === 0 ? settings as RunSettings : null;
}
