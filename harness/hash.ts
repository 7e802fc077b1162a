/**
 * SHA-256 as text.
 *
 * @module
 */
import { encodeHex } from "@std/encoding";

/**
 * Returns the SHA-256 of the bytes, or of the text as UTF-8: 64 hexadecimal digits in lower case.
 */
export async function sha256Hex(bytes: Uint8Array | string): Promise<string> {
  const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  return encodeHex(await crypto.subtle.digest("SHA-256", data as Uint8Array<ArrayBuffer>));
}

/** Returns the SHA-256 of a file, as {@linkcode sha256Hex}. Throws what reading it throws. */
export async function fileSha256(file: string): Promise<string> {
  return await sha256Hex(await Deno.readFile(file));
}
