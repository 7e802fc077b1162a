/**
 * Whose commit a run belongs to: the repositories of the models and of the caller.
 *
 * @module
 */
import { z } from "zod";

/** Schema of where a repository stood. */
export const CommitStateSchema = z.strictObject({
  commit: z.string().describe("Full hash of the commit that was checked out."),
  dirty: z.boolean().nullable().describe(
    "True when the files were not the commit's: tracked ones had changed, or a model is none of its files; null when unknown.",
  ),
});
/** See {@linkcode CommitStateSchema}. */
export type CommitState = z.infer<typeof CommitStateSchema>;

/** Schema of whose commits a run belongs to. */
export const RunCommitsSchema = z.strictObject({
  models: z.array(CommitStateSchema).describe(
    "One per repository that the models lie in; of a gate, the candidate's. Empty when they lie in none.",
  ),
  caller: CommitStateSchema.nullable().describe(
    "Repository of the folder in which Posemark was called; null outside of one.",
  ),
  unknown: z.array(z.string()).describe("Why git did not tell a commit, in its own words."),
});
/** See {@linkcode RunCommitsSchema}. */
export type RunCommits = z.infer<typeof RunCommitsSchema>;

/** Stands behind a commit whose files had changed. */
const DIRTY_SUFFIX = "-dirty";

/**
 * Returns the commit that a run is filed under: that of the models, else that of the caller; null
 * when neither is known.
 *
 * @example
 * ```ts
 * userCommit({ models: [{ commit: "0123abc", dirty: true }], caller: null, unknown: [] }); // "0123abc-dirty"
 * ```
 */
export function userCommit(commits: RunCommits | undefined): string | null {
  if (commits === undefined) return null;
  const { models, caller } = commits;
  const states = models.length > 0 ? models : caller === null ? [] : [caller];
  return states.length === 0 ? null : states.map(commitText).join("+");
}

/** Returns the hash, marked when the files were not the commit's. */
export function commitText({ commit, dirty }: CommitState): string {
  return dirty === true ? commit + DIRTY_SUFFIX : commit;
}

/** Returns false for the commit of a run whose files nobody can check out again. */
export function isReproducible(commit: string): boolean {
  return !commit.includes(DIRTY_SUFFIX);
}
