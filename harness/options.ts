/**
 * Options as rows of a table: flag, description, default, and the reader of the value, from which
 * its type, its limits and its schema follow.
 *
 * @module
 */
import { z } from "zod";
import { parseChoice, parseList, parseNumber } from "./config.ts";

/** Reads the text of an option's value; throws `bad-option` naming the option. */
export interface ReadValue<V> {
  (option: string, text: string): V;
  /** Schema of such values in a file. */
  schema?: z.ZodType<V>;
}

/** One option of a command, whose value is of the type `V`. */
export interface OptionSpec<V = unknown> {
  /** As commander and cliffy write it: `--out <dir>`, `--resume`. */
  flags: string;
  description: string;
  /** Text of the value when the option is not given. */
  default?: string;
  /** True when the option may be given several times. */
  repeat?: boolean;
  /** Schema of the value in a file; undefined for values that no file has. */
  schema?: z.ZodType<V>;
  /** Returns the value: of the text, of the texts when it repeats, of true for a switch. */
  read(given: string | string[] | boolean | undefined): V;
}

/** Options of a command, by the name under which it gets their values. */
export type OptionTable = Record<string, OptionSpec>;

/** Values of the options of a table. */
export type ValuesOf<T extends OptionTable> = {
  [K in keyof T]: T[K] extends OptionSpec<infer V> ? V : never;
};

const asText: ReadValue<string> = (_option, text) => text;

/** Returns an option whose value is text. Without a default, its value is null when not given. */
export function option(flags: string, description: string): OptionSpec<string | null>;
/** Returns an option that is read by `read`; its value is null when not given. */
export function option<V>(
  flags: string,
  description: string,
  read: ReadValue<V>,
): OptionSpec<V | null>;
/** Returns an option that is read by `read`, with the text of its default. */
export function option<V>(
  flags: string,
  description: string,
  read: ReadValue<V>,
  defaultText: string,
): OptionSpec<V>;
export function option<V>(
  flags: string,
  description: string,
  read?: ReadValue<V>,
  defaultText?: string,
): OptionSpec<V | string | null> {
  const name = flags.split(" ")[0];
  return {
    flags,
    description,
    default: defaultText,
    schema: defaultText === undefined
      ? read?.schema?.nullable().default(null)
      : read?.schema?.default(read(name, defaultText) as V & z.core.util.NoUndefined<V>),
    read: (given) => typeof given === "string" ? (read ?? asText)(name, given) : null,
  };
}

/** Returns an option whose value is text, with a default. */
export function textOption(
  flags: string,
  description: string,
  defaultText: string,
): OptionSpec<string> {
  return option(flags, description, asText, defaultText);
}

/** Returns an option without a value: true when it is given. */
export function flag(flags: string, description: string): OptionSpec<boolean> {
  return { flags, description, read: (given) => given === true };
}

/** Returns an option that may be given several times; null when it is not given. */
export function repeated(flags: string, description: string): OptionSpec<string[] | null> {
  return {
    flags,
    description,
    repeat: true,
    read: (given) => Array.isArray(given) ? given : null,
  };
}

/** Returns a reader of whole numbers in a range; it throws `bad-option`. */
export function integer(min: number, max: number): ReadValue<number> {
  return withSchema(
    (option, text) => parseNumber(option, text, { min, max, integer: true }),
    z.int().min(min).max(max),
  );
}

/** Returns a reader of numbers in a range; it throws `bad-option`. */
export function number(min: number, max: number): ReadValue<number> {
  return withSchema(
    (option, text) => parseNumber(option, text, { min, max }),
    z.number().min(min).max(max),
  );
}

/** Reads a number above 0 and below 1; throws `bad-option`. */
export const share: ReadValue<number> = withSchema(
  (option, text) => parseNumber(option, text, { min: 0, max: 1, exclusive: true }),
  z.number().gt(0).lt(1),
);

/** Returns a reader of one of the values; it throws `bad-option`. */
export function choice<const T extends string>(allowed: readonly T[]): ReadValue<T> {
  return withSchema(
    (option, text) => parseChoice(option, text, allowed),
    z.custom<T>((value) => (allowed as readonly unknown[]).includes(value)),
  );
}

/** Returns a reader of several of the values between commas; it throws `bad-option`. */
export function list<T extends string>(allowed: readonly T[]): ReadValue<T[]> {
  return (option, text) => parseList(option, text, allowed);
}

/** Returns a reader of what another reader reads, several times between commas. */
export function each<V>(read: ReadValue<V>): ReadValue<V[]> {
  return (option, text) => text.split(",").map((part) => read(option, part));
}

/** Reads `on` or `off`; throws `bad-option`. */
export const onOff: ReadValue<boolean> = withSchema(
  (option, text) => parseChoice(option, text, ["on", "off"]) === "on",
  z.boolean(),
);

/** Returns the reader with the schema of what it reads. */
export function withSchema<V>(read: ReadValue<V>, schema: z.ZodType<V>): ReadValue<V> {
  return Object.assign((option: string, text: string) => read(option, text), { schema });
}
