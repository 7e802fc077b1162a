/**
 * SHA-256 of bytes as text.
 *
 * @module
 */
import { encodeHex } from "@std/encoding";

/** Returns the SHA-256 of the bytes, 64 hexadecimal digits in lower case. */
export async function sha256Hex(bytes: Uint8Array | string): Promise<string> {
  const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  return encodeHex(await crypto.subtle.digest("SHA-256", data as Uint8Array<ArrayBuffer>));
}
