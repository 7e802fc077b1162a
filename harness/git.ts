/**
 * Asking git: the one place that calls it, so that its own words reach the user.
 *
 * @module
 */
import * as path from "@std/path";
import { childCommand } from "./child.ts";
import { HarnessError } from "./errors.ts";
import { type CommitState, commitText, type RunCommits } from "./record/commits.ts";

/** Top folder of Posemark's own checkout. */
export const POSEMARK_ROOT = path.resolve(import.meta.dirname!, "..");

/** What a git hook sets for its own repository; the folder that is asked for lies elsewhere. */
const HOOK_VARIABLES = [
  "DIR",
  "WORK_TREE",
  "INDEX_FILE",
  "COMMON_DIR",
  "PREFIX",
  "OBJECT_DIRECTORY",
]
  .map((name) => `GIT_${name}`);

/** What git answered. */
export interface GitAnswer {
  ok: boolean;
  /** What it printed. */
  text: string;
  /** What it said, of a failure the reason; in English. */
  words: string;
}

/**
 * Returns what git answers in the folder. Throws `HarnessError` `missing-tool` when there is no
 * git.
 */
export async function askGit(folder: string, args: readonly string[]): Promise<GitAnswer> {
  try {
    const { success, stdout, stderr } = await childCommand("git", {
      args: ["--no-optional-locks", "-C", folder, ...args],
      omit: HOOK_VARIABLES,
      env: { LC_ALL: "C", GIT_TERMINAL_PROMPT: "0" },
      ...{ stdin: "null", stdout: "piped", stderr: "piped" },
    }).output();
    const decoder = new TextDecoder();
    return { ok: success, text: decoder.decode(stdout), words: decoder.decode(stderr).trim() };
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new HarnessError("missing-tool", "Cannot use a commit: git was not found: install it", {
      cause,
    });
  }
}

/** True for the words of a git that found no repository: that is no fault. */
export function saysNoRepository(words: string): boolean {
  return /not a git repository|cannot change to/i.test(words);
}

/**
 * Returns git's words on one line. It names what it found and, of a repository of somebody else
 * (containers, mounted folders), the command that allows it.
 */
export function gitWords(words: string): string {
  return words.split("\n").map((line) => line.replace(/^(fatal|error): /, "").trim())
    .filter((line) => line !== "").join(" ");
}

/** Where a repository stands, or why git doesn't tell; both null outside of a repository. */
export interface AskedState {
  /** Top folder. */
  top: string | null;
  state: CommitState | null;
  reason: string | null;
}

/**
 * Returns where the repository of the folder stands. `files` are files in it that a run used: one
 * that is no file of the commit makes the state dirty.
 */
export async function repositoryState(
  folder: string,
  files: readonly string[] = [],
): Promise<AskedState> {
  const none = { top: null, state: null, reason: null };
  try {
    const asked = await askGit(folder, ["rev-parse", "--show-toplevel"]);
    if (!asked.ok) {
      return saysNoRepository(asked.words) ? none : { ...none, reason: gitWords(asked.words) };
    }
    const top = path.normalize(asked.text.trim());
    const head = await askGit(folder, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
    // a repository without a commit
    if (!head.ok) return { ...none, top };
    const dirty = await isDirty(top, files);
    return { top, state: { commit: head.text.trim(), dirty }, reason: null };
  } catch (error) {
    if (error instanceof HarnessError) return { ...none, reason: error.message };
    throw error;
  }
}

/** Returns the commit of Posemark's own checkout as records write it; null when it is none. */
export async function posemarkCommit(): Promise<string | null> {
  const { top, state } = await repositoryState(POSEMARK_ROOT);
  // unpacked in somebody else's repository it has no commit of its own
  return state === null || realPath(top!) !== realPath(POSEMARK_ROOT) ? null : commitText(state);
}

async function isDirty(top: string, files: readonly string[]): Promise<boolean | null> {
  const changed = await askGit(top, ["status", "--porcelain", "--untracked-files=no"]);
  if (!changed.ok) return null;
  if (changed.text.trim() !== "") return true;
  for (const file of files) {
    const known = await askGit(top, ["ls-files", "--error-unmatch", "--", file]);
    if (!known.ok) return true;
  }
  return false;
}

/**
 * Returns whose commits a run belongs to. `models` are the files of the models as the user named
 * them, or the folders of prepared ones.
 */
export async function runCommits(
  models: readonly string[],
  caller: string = Deno.cwd(),
): Promise<RunCommits> {
  const filesOf = Map.groupBy(new Set(models), (file) => realPath(path.dirname(file)));
  const repositories = new Map<string, string[]>();
  const reasons = new Set<string>();
  for (const [folder, files] of filesOf) {
    const { top, reason } = await repositoryState(folder);
    if (reason !== null) reasons.add(reason);
    if (top !== null) repositories.set(top, [...repositories.get(top) ?? [], ...files]);
  }
  const states: CommitState[] = [];
  for (const [top, files] of repositories) {
    const { state } = await repositoryState(top, files.map(realPath));
    if (state !== null) states.push(state);
  }
  const own = await repositoryState(caller);
  if (own.reason !== null) reasons.add(own.reason);
  return { models: states, caller: own.state, unknown: [...reasons] };
}

function realPath(file: string): string {
  try {
    return Deno.realPathSync(file);
  } catch {
    return path.resolve(file);
  }
}
