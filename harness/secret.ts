/**
 * Tokens and passwords: read from the environment or a file, never shown.
 *
 * @module
 */
import { HarnessError } from "./errors.ts";

/**
 * A token or password that shows itself only to who asks for it: it prints and serialises as
 * `[secret]`.
 */
export interface Secret {
  /** Returns the value itself. */
  reveal(): string;
  toString(): string;
  toJSON(): string;
}

/** What a secret prints as. */
export const HIDDEN = "[secret]";

/** Returns the value as a secret. */
export function makeSecret(value: string): Secret {
  const show = () => HIDDEN;
  const secret = { reveal: () => value, toString: show, toJSON: show };
  // console.log() and Deno.inspect() look here.
  return Object.assign(secret, { [Symbol.for("Deno.customInspect")]: show });
}

/** How a secret is looked up; replaced in tests. */
export interface SecretSource {
  env(name: string): string | undefined;
  readTextFile(path: string): Promise<string>;
}

const PROCESS: SecretSource = {
  env: (name) => Deno.env.get(name),
  readTextFile: (path) => Deno.readTextFile(path),
};

/**
 * Returns the secret of an environment variable `NAME`, or of the file that `NAME_FILE` names; null
 * when neither is set.
 *
 * White space around the value is no part of it. Throws `HarnessError` `bad-option` when the file
 * can't be read or is empty, or when both are set: which one counts would be a guess.
 */
export async function readSecret(
  name: string,
  source: SecretSource = PROCESS,
): Promise<Secret | null> {
  const value = source.env(name)?.trim() ?? "";
  const file = source.env(`${name}_FILE`) ?? "";
  if (value !== "" && file !== "") {
    throw new HarnessError(
      "bad-option",
      `Cannot choose between ${name} and ${name}_FILE: both are set, expected one. Unset one of them`,
    );
  }
  if (value !== "") return makeSecret(value);
  if (file === "") return null;
  let text: string;
  try {
    text = (await source.readTextFile(file)).trim();
  } catch (cause) {
    throw new HarnessError(
      "bad-option",
      `Cannot read the file "${file}" that ${name}_FILE names: ${(cause as Error).message}. ` +
        `Expected a text file with the token in it`,
      { cause },
    );
  }
  if (text === "") {
    throw new HarnessError(
      "bad-option",
      `Cannot use the file "${file}" that ${name}_FILE names: it is empty, expected the token`,
    );
  }
  return makeSecret(text);
}

/**
 * Returns the secret as {@linkcode readSecret}; throws `bad-option` that says where to put it when
 * there is none.
 */
export async function requireSecret(
  name: string,
  purpose: string,
  source: SecretSource = PROCESS,
): Promise<Secret> {
  const secret = await readSecret(name, source);
  if (secret !== null) return secret;
  throw new HarnessError(
    "bad-option",
    `Cannot reach ${purpose}: found no token. Set ${name}, or ${name}_FILE to a file that holds it ` +
      `(tokens are never taken from the command line)`,
  );
}

/**
 * Returns the text with every occurrence of the secrets replaced by `[secret]`, plain,
 * percent-encoded or as in JSON.
 *
 * @example
 * ```ts
 * redact("Bearer abc", [makeSecret("abc")]); // "Bearer [secret]"
 * ```
 */
export function redact(text: string, secrets: readonly (Secret | null)[]): string {
  for (const secret of secrets) {
    const value = secret?.reveal() ?? "";
    if (value === "") continue;
    const forms = [
      value,
      encodeURIComponent(value),
      encodeURI(value),
      JSON.stringify(value).slice(1, -1),
    ];
    for (const form of new Set(forms)) text = text.replaceAll(form, HIDDEN);
  }
  return text;
}

/**
 * Returns the address as a URL of one of the schemes (`https:`, …) that holds no password.
 *
 * Throws `HarnessError` `bad-option` when the text is no such URL or carries a user's password: it
 * would be seen in the list of processes, in logs and in records. The message repeats nothing that
 * could be one.
 */
export function parseAddress(
  option: string,
  text: string,
  schemes: readonly string[],
  passwordName: string,
): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !schemes.includes(url.protocol)) {
    const found = /@/.test(text) ? "an address" : `"${text}"`;
    throw new HarnessError(
      "bad-option",
      `Cannot use ${option}: found ${found}, expected one such as ${schemes[0]}//host:port`,
    );
  }
  if (
    url.password !== "" ||
    [...url.searchParams.keys()].some((key) => /pass|token|secret/i.test(key))
  ) {
    throw new HarnessError(
      "bad-option",
      `Cannot use ${option} for host "${url.hostname}": it holds a password or token. ` +
        `Take it out and set ${passwordName}, or ${passwordName}_FILE to a file that holds it`,
    );
  }
  return url;
}
