/**
 * The real models and photographs that lie outside the repository.
 *
 * @module
 */
import * as path from "@std/path";

/** Folder with `models/` and `data/`. */
export const SHARED = path.resolve(
  Deno.env.get("POSEMARK_SHARED") ?? path.join(import.meta.dirname!, "../../../../shared"),
);

/**
 * True when a test that needs the real models has to be left out: they are absent and nobody
 * requires them.
 */
export const SHARED_MISSING = !exists(path.join(SHARED, "models", "yolov8n-pose-silu.onnx")) &&
  Deno.env.get("POSEMARK_REQUIRE_ALL") !== "1";

/** Returns the path of a shared model. */
export function sharedModel(name: string): string {
  return path.join(SHARED, "models", name);
}

function exists(file: string): boolean {
  try {
    return Deno.statSync(file).isFile;
  } catch {
    return false;
  }
}
