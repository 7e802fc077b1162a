/**
 * What the user names as ncnn files → the bytes of graph and weights: a `.param`, a folder as
 * `yolo export format=ncnn` makes it, or a zip of one.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import { zipContent, zipEntries, type ZipEntry } from "../fetch/zip_entry.ts";

/** Files of an ncnn model, read. */
export interface NcnnFiles {
  /** As messages name the graph: its path, with the archive's where it lies in one. */
  label: string;
  /** Name of the model: the folder's without `_ncnn_model`, else the file's. */
  stem: string;
  param: Uint8Array;
  /** Null when there is no `.bin` beside the `.param`. */
  bin: Uint8Array | null;
  /** Text of `metadata.yaml`, as ultralytics writes it; null when there is none. */
  metadata: string | null;
  /** Folder in which a reference may lie beside the model. */
  folder: string;
}

/** A place with files: a folder on disk, or an archive. */
interface Place {
  label: string;
  names: string[];
  read(name: string): Promise<Uint8Array | null>;
}

/** Ending of pnnx's own graphs, which lie beside those that it makes for ncnn. */
const PNNX_ENDING = /\.pnnx\.param$/i;
/** Most bytes that are taken of an archive, and of a graph's text. */
const MOST_BYTES = { archive: 2 ** 31, param: 2 ** 26 };

/** True when the name may be ncnn files: a folder, a `.param` or a zip. */
export async function namesNcnnFiles(name: string): Promise<boolean> {
  if (/\.(param|zip)$/i.test(name)) return true;
  if (/\.(onnx|pt|bin)$/i.test(name)) return /\.bin$/i.test(name);
  return await Deno.stat(name).then(({ isDirectory }) => isDirectory, () => false);
}

/**
 * Returns the files of an ncnn model.
 *
 * Throws `HarnessError` `bad-param` when there is no `.param` or none that can be told from others,
 * and when it is pnnx's own graph.
 */
export async function openNcnnFiles(name: string): Promise<NcnnFiles> {
  const stat = await Deno.stat(name).catch((cause) => {
    const found = cause instanceof Deno.errors.NotFound
      ? "there is no such file or folder"
      : String(cause);
    throw new HarnessError("bad-param", `Cannot read ${name}: ${found}: check the path`, { cause });
  });
  if (stat.isDirectory) return await openIn(folderPlace(name), name, name);
  if (/\.zip$/i.test(name)) return await openIn(await zipPlace(name), name, path.dirname(name));
  if (/\.bin$/i.test(name)) return await openNcnnFiles(name.replace(/\.bin$/i, ".param"));
  const folder = path.dirname(name);
  return await readFrom(folderPlace(folder), path.basename(name), name, folder);
}

function folderPlace(folder: string): Place {
  const names = [...Deno.readDirSync(folder)].filter(({ isDirectory }) => !isDirectory)
    .map(({ name }) => name).sort();
  return { label: folder, names, read: (name) => Deno.readFile(path.join(folder, name)) };
}

async function zipPlace(file: string): Promise<Place> {
  const { size } = await Deno.stat(file);
  const bytes = size <= MOST_BYTES.archive ? await Deno.readFile(file) : new Uint8Array();
  const entries = zipEntries(bytes);
  if (entries === null) {
    throw new HarnessError(
      "bad-param",
      `Cannot read ${file}: it is no zip archive, or it is cut off: pack the folder with the .param and .bin again`,
    );
  }
  const files = new Map(
    entries.filter(({ name }) => !/\/$|^__MACOSX\//.test(name)).map((entry): [string, ZipEntry] => [
      entry.name,
      entry,
    ]),
  );
  return {
    label: file,
    names: [...files.keys()].sort(),
    read: (name) => Promise.resolve(zipContent(bytes, files.get(name)!)),
  };
}

async function openIn(place: Place, name: string, folder: string): Promise<NcnnFiles> {
  const params = place.names.filter((each) => /\.param$/i.test(each));
  const own = params.filter((each) => !PNNX_ENDING.test(each));
  // ultralytics calls its graph so, whatever lies beside it
  const chosen = own.length === 1 ? own : own.filter((each) => /model\.ncnn\.param$/.test(each));
  if (chosen.length === 1) return await readFrom(place, chosen[0], name, folder);
  throw new HarnessError(
    "bad-param",
    own.length > 1
      ? `Cannot choose among the graphs of ${name}: found ${own.join(", ")}: name one of them`
      : params.length > 0
      ? `Cannot read ${name}: ${params[0]} is pnnx's own graph, and the one for ncnn (${
        params[0].replace(PNNX_ENDING, ".ncnn.param")
      }) is missing: take it from where pnnx ran`
      : `Cannot find an ncnn graph in ${name}: found ${
        place.names.slice(0, 8).join(", ") || "no files"
      }, expected a .param beside its .bin`,
  );
}

async function readFrom(
  place: Place,
  file: string,
  name: string,
  folder: string,
): Promise<NcnnFiles> {
  const isAlone = /\.param$/i.test(name);
  const label = isAlone ? name : path.join(name, file);
  const beside = (ending: string) => {
    const wanted = file.replace(/\.param$/i, ending);
    return place.names.find((each) => each.toLowerCase() === wanted.toLowerCase());
  };
  const read = async (each: string): Promise<Uint8Array> => {
    const bytes = await place.read(each);
    if (bytes !== null) return bytes;
    throw new HarnessError(
      "bad-param",
      `Cannot unpack ${each} of ${place.label}: it is damaged, or packed in another way than deflated: pack it again`,
    );
  };
  const param = await read(file);
  if (param.length > MOST_BYTES.param) {
    throw new HarnessError(
      "bad-param",
      `Cannot read ${label}: it has ${param.length} bytes, more than any graph's text: is it the .bin?`,
    );
  }
  requireNcnn(param, label);
  const bin = beside(".bin");
  const metadata = place.names.find((each) =>
    path.dirname(each) === path.dirname(file) && path.basename(each) === "metadata.yaml"
  );
  return {
    label,
    stem: stemOf(isAlone ? file : name, file),
    param,
    bin: bin === undefined ? null : await read(bin),
    metadata: metadata === undefined ? null : new TextDecoder().decode(await read(metadata)),
    folder,
  };
}

/** Returns what the model is called: files that pnnx or ultralytics call `model` tell nothing. */
function stemOf(name: string, file: string): string {
  const bare = (text: string) =>
    path.basename(path.resolve(text)).replace(/\.(param|zip)$/i, "").replace(/\.ncnn$/i, "")
      .replace(/_ncnn_model$/i, "");
  const own = bare(file);
  return own === "model" ? bare(name) : own;
}

/** Throws `bad-param` for pnnx's own graph: it has ncnn's magic number and form. */
function requireNcnn(param: Uint8Array, label: string): void {
  const text = new TextDecoder().decode(param.subarray(0, 65536));
  const types = text.split("\n").slice(2).map((line) => line.trim().split(/\s+/, 1)[0]);
  if (!types.some((type) => type.startsWith("pnnx."))) return;
  throw new HarnessError(
    "bad-param",
    `Cannot read ${label}: it is pnnx's own graph (its operators are ${
      [...new Set(types)].filter((type) => type.includes(".")).slice(0, 3).join(", ")
    }, …), which no ncnn loads: give the .ncnn.param that pnnx writes beside it`,
  );
}
