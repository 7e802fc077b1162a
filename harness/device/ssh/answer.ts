/**
 * A script on a board, and what comes back of it: its output between two lines that tell its begin
 * and its end, so that ssh's own exit code is never taken for the script's.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/**
 * Returns the script between two lines that tell its begin and its end. Nothing that a login shell
 * prints stands between them, and a script that breaks off has no end.
 */
export function wrapScript(script: string, mark: string): string {
  return `printf '\\n@@posemark begin %s\\n' ${mark}
(
${script}
) </dev/null
printf '\\n@@posemark end %s %d\\n' ${mark} $?
`;
}

/** Returns what a wrapped script printed and how it ended; null when its end is missing. */
export function unwrapAnswer(
  bytes: Uint8Array<ArrayBuffer>,
  mark: string,
): { exitCode: number; stdout: Uint8Array<ArrayBuffer> } | null {
  const begin = `\n@@posemark begin ${mark}\n`;
  const from = indexOf(bytes, begin);
  const end = `\n@@posemark end ${mark} `;
  const to = lastIndexOf(bytes, end);
  if (from < 0 || to < from) return null;
  const code = /^(\d{1,3})\n/.exec(new TextDecoder().decode(bytes.subarray(to + end.length)));
  if (code === null) return null;
  return { exitCode: Number(code[1]), stdout: bytes.slice(from + begin.length, to) };
}

/** Returns true when a wrapped script has begun. */
export function startsAnswer(bytes: Uint8Array, mark: string): boolean {
  return indexOf(bytes, `\n@@posemark begin ${mark}\n`) >= 0;
}

/** Returns where ASCII text begins in bytes; -1 when it is not there. */
function indexOf(bytes: Uint8Array, text: string): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(text, 0, "latin1");
}

/** Returns where ASCII text begins last in bytes; -1 when it is not there. */
function lastIndexOf(bytes: Uint8Array, text: string): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .lastIndexOf(text, bytes.length, "latin1");
}
