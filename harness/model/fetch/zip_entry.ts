/**
 * One file out of a zip archive that lies in memory.
 *
 * Format: PKWARE APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory) and
 * 4.3.16 (its end).
 *
 * @module
 */
import { inflateRawSync } from "node:zlib";

/** Most bytes that a file of an archive may unpack to. */
const MOST_BYTES = 2 ** 31 - 1;

/** A file of an archive, as its central directory describes it. */
export interface ZipEntry {
  name: string;
  /** 0: stored, 8: deflated. */
  method: number;
  compressedSize: number;
  /** Where its local header starts. */
  offset: number;
}

/**
 * Returns the archive's files in the order of its central directory; null when there is none to
 * read (no archive, or one that is cut off).
 */
export function zipEntries(archive: Uint8Array): ZipEntry[] | null {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const end = endOfDirectory(view);
  if (end === null) return null;
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  const entries: ZipEntry[] = [];
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== 0x02014b50) return null;
    const nameLength = view.getUint16(at + 28, true);
    entries.push({
      name: new TextDecoder().decode(archive.subarray(at + 46, at + 46 + nameLength)),
      method: view.getUint16(at + 10, true),
      compressedSize: view.getUint32(at + 20, true),
      offset: view.getUint32(at + 42, true),
    });
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

/** Returns where the end record starts: 22 bytes and a comment of at most 65535 before the end. */
function endOfDirectory(view: DataView): number | null {
  const last = view.byteLength - 22;
  for (let at = last; at >= Math.max(0, last - 0xffff); at--) {
    if (view.getUint32(at, true) === 0x06054b50) return at;
  }
  return null;
}

/**
 * Returns the content of a file of the archive; null when its bytes are not all there, or when it
 * is packed in another way than stored or deflated.
 */
export function zipContent(archive: Uint8Array, entry: ZipEntry): Uint8Array | null {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const { offset, compressedSize, method } = entry;
  if (offset + 30 > archive.length || view.getUint32(offset, true) !== 0x04034b50) return null;
  const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  const bytes = archive.subarray(start, start + compressedSize);
  if (bytes.length < compressedSize) return null;
  if (method === 0) return bytes;
  try {
    return method === 8
      ? new Uint8Array(inflateRawSync(bytes, { maxOutputLength: MOST_BYTES }))
      : null;
  } catch {
    return null;
  }
}
