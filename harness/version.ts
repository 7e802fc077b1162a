/**
 * What the harness itself is, for the record.
 *
 * @module
 */
import denoJson from "../deno.json" with { type: "json" };

/** Version of Posemark. */
export const POSEMARK_VERSION = "0.2.0";

/**
 * Returns the pinned version of an npm package in deno.json's imports; throws `RangeError` when it
 * is not there.
 */
export function packageVersion(name: string): string {
  const specifier = (denoJson.imports as Record<string, string>)[name];
  const version = /@(\d[^@/]*)$/.exec(specifier ?? "")?.[1];
  if (!version) throw new RangeError(`Cannot find the version of "${name}" in deno.json`);
  return version;
}
