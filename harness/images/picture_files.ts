/**
 * Which files of a folder are pictures: by their first bytes, not by their names.
 *
 * @module
 */
import * as path from "@std/path";

/** File name extensions of pictures, lower case. */
const PICTURE_EXTENSIONS = new Set([
  ...[".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif"],
  ...[".bmp", ".dib", ".heic", ".heif", ".jp2", ".jxl", ".dng", ".pgm", ".ppm", ".pfm"],
]);
/** Extensions of pictures that can't be read, lower case. */
const UNREADABLE_EXTENSIONS = new Set([
  ...[".bmp", ".dib", ".heic", ".heif", ".jp2", ".jxl", ".dng", ".pgm", ".ppm", ".pfm"],
]);

/** True for a name whose extension is of a format that can't be read. */
export function isUnreadableName(name: string): boolean {
  return UNREADABLE_EXTENSIONS.has(path.extname(name).toLowerCase());
}

/** Extensions that no picture has, lower case: such files are not opened. */
const OTHER_EXTENSIONS = new Set([
  ...[".json", ".txt", ".yaml", ".yml", ".xml", ".csv", ".md", ".html", ".py", ".ts", ".zip"],
  ...[".cache", ".npy", ".pt", ".onnx", ".bin", ".param", ".mp4", ".log", ".toml", ".ndjson"],
]);

/** What a file is by its first bytes. */
export interface FileFormat {
  name: string;
  /** True when it is decoded here. */
  readable: boolean;
}

const text = (bytes: Uint8Array, from: number, to: number) =>
  String.fromCharCode(...bytes.subarray(from, to));

/** First bytes of the formats. */
const MAGIC: readonly { name: string; readable: boolean; is(bytes: Uint8Array): boolean }[] = [
  { name: "JPEG", readable: true, is: (b) => b[0] === 0xff && b[1] === 0xd8 && b[2] === 0xff },
  { name: "PNG", readable: true, is: (b) => text(b, 1, 4) === "PNG" && b[0] === 0x89 },
  { name: "GIF", readable: true, is: (b) => text(b, 0, 4) === "GIF8" },
  {
    name: "WebP",
    readable: true,
    is: (b) => text(b, 0, 4) === "RIFF" && text(b, 8, 12) === "WEBP",
  },
  {
    name: "TIFF",
    readable: true,
    is: (b) => ["II*\0", "MM\0*"].includes(text(b, 0, 4)),
  },
  {
    name: "AVIF",
    readable: true,
    is: (b) => text(b, 4, 8) === "ftyp" && ["avif", "avis"].includes(text(b, 8, 12)),
  },
  {
    name: "HEIC",
    readable: false,
    is: (b) =>
      text(b, 4, 8) === "ftyp" &&
      ["heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1"].includes(text(b, 8, 12)),
  },
  { name: "BMP", readable: false, is: (b) => text(b, 0, 2) === "BM" },
  { name: "JPEG 2000", readable: false, is: (b) => text(b, 4, 8) === "jP  " },
  {
    name: "JPEG XL",
    readable: false,
    is: (b) => text(b, 4, 8) === "JXL " || (b[0] === 0xff && b[1] === 0x0a),
  },
  { name: "PNM", readable: false, is: (b) => /^P[1-6][\s#]/.test(text(b, 0, 3)) },
];

/** Returns what the first bytes of a file (12 or more) say that it is; null for no picture. */
export function sniff(bytes: Uint8Array): FileFormat | null {
  const found = MAGIC.find(({ is }) => is(bytes));
  return found === undefined ? null : { name: found.name, readable: found.readable };
}

/** A file that counts as a picture. */
export interface PictureFile {
  /** Path of the file. */
  file: string;
  /** Below the folder that was listed, with `/`. */
  relative: string;
  /** Why it can't be a picture that is used, as a clause; null when it may be one. */
  unusable: string | null;
}

/** What a name says: a picture, something else, or nothing. */
function byName(name: string): boolean | null {
  const extension = path.extname(name).toLowerCase();
  if (PICTURE_EXTENSIONS.has(extension)) return true;
  return OTHER_EXTENSIONS.has(extension) ? false : null;
}

async function firstBytes(file: string): Promise<Uint8Array> {
  using opened = await Deno.open(file);
  const bytes = new Uint8Array(16);
  const count = await opened.read(bytes);
  return bytes.subarray(0, count ?? 0);
}

/**
 * Returns the pictures of a folder by name; `deep` with those of the folders below it. Hidden files
 * and folders, and `labels` and `annotations`, don't count.
 *
 * A file is a picture by its extension, or without a known one by its first bytes. A link to
 * nothing and a name that isn't UTF-8 are told as unusable.
 */
export async function listPictures(
  folder: string,
  { deep }: { deep: boolean },
): Promise<PictureFile[]> {
  const found: PictureFile[] = [];
  const visit = async (dir: string, below: string, depth: number): Promise<void> => {
    for await (const entry of Deno.readDir(dir)) {
      const { name } = entry;
      if (name.startsWith(".")) continue;
      const file = path.join(dir, name);
      const relative = below + name;
      const seen = byName(name);
      let isFolder = entry.isDirectory;
      if (name.includes("\ufffd") && await lacks(file)) {
        if (seen !== false) found.push({ file, relative, unusable: "its name is not UTF-8" });
        continue;
      }
      if (entry.isSymlink) {
        if (await lacks(file)) {
          if (seen === true) found.push({ file, relative, unusable: "it is a link to nothing" });
          continue;
        }
        isFolder = (await Deno.stat(file)).isDirectory;
      }
      if (isFolder) {
        const isOther = ["labels", "annotations"].includes(name.toLowerCase());
        if (deep && depth < 12 && !isOther) await visit(file, `${relative}/`, depth + 1);
        continue;
      }
      const isPicture = seen ??
        sniff(await firstBytes(file).catch(() => new Uint8Array())) !== null;
      if (isPicture) found.push({ file, relative, unusable: null });
    }
  };
  await visit(folder, "", 0);
  return found.sort((a, b) => a.relative < b.relative ? -1 : a.relative > b.relative ? 1 : 0);
}

async function lacks(file: string): Promise<boolean> {
  return await Deno.stat(file).then(() => false, () => true);
}
