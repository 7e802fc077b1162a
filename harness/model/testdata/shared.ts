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

/** Returns the path of a shared model. */
export function sharedModel(name: string): string {
  return path.join(SHARED, "models", name);
}
