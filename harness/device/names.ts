/**
 * Names that become file names on a device.
 *
 * @module
 */

/**
 * Returns the name when it is safe as a file name on any device: letters, digits, `.`, `_` and `-`,
 * not starting with a dot or a dash, at most 150 characters.
 *
 * Throws `RangeError` that names what it is.
 */
export function requireSafeName(name: string, what: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]{0,149}$/.test(name)) return name;
  throw new RangeError(
    `Cannot use ${what} "${name}" as a file name: expected 1 to 150 letters, digits, ".", "_" or "-", starting with a letter or digit`,
  );
}

/** Returns eight random hexadecimal digits. */
export function nonce(): string {
  return crypto.getRandomValues(new Uint32Array(1))[0].toString(16).padStart(8, "0");
}
