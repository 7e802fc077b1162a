/**
 * ncnn files → what ncnn's own loader makes of them, and the graph: pure.
 *
 * @module
 */
import { loadBin } from "./bin_file.ts";
import { type Effect, loadAsNcnn, type LoaderFault } from "./loader.ts";
import type { NcnnFiles } from "./ncnn_files.ts";
import { type ParamFile, parseParam } from "./param_file.ts";

/** What ncnn's loader makes of a graph and its weights. */
export interface LoadedFiles {
  /** Whether ncnn loads both. */
  isLoaded: boolean;
  /** By their lines in the `.param`. */
  faults: LoaderFault[];
}

/** Returns what ncnn's loader makes of the files; weights that are not there are no fault. */
export function loadNcnnFiles({ param, bin }: Pick<NcnnFiles, "param" | "bin">): LoadedFiles {
  const { layers, faults, isLoaded } = loadAsNcnn(param);
  if (!isLoaded || bin === null) return { isLoaded, faults };
  const weights = loadBin(layers, bin);
  return { isLoaded: weights.isLoaded, faults: [...faults, ...weights.faults] };
}

/** Returns the graph of the files. Throws `HarnessError` `bad-param` with the line at fault. */
export function parsedParam({ param, label }: Pick<NcnnFiles, "param" | "label">): ParamFile {
  return parseParam(new TextDecoder().decode(param), label);
}

const EFFECTS: Record<Effect, string> = {
  refused: "ncnn refuses it",
  crash: "ncnn stops the program or writes outside of its memory",
  misread: "ncnn misreads it",
  unread: "ncnn doesn't read it",
};

/** Returns the fault as a line of text. */
export function faultText({ line, effect, message }: LoaderFault): string {
  return `line ${line}: ${message} (${EFFECTS[effect]})`;
}
