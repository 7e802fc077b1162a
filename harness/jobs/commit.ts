/**
 * A commit of the user's repository in a worktree of its own: its models, and its runner where the
 * repository is Posemark's.
 *
 * @module
 */
import * as path from "@std/path";
import type { BuiltRunner, RunnerRequest } from "../toolchain/runner.ts";
import { type ErrorCode, ERRORS, HarnessError } from "../errors.ts";
import { SHIPPED_MODELS_FOLDER, shippedNames } from "../model/fetch/resolve_model.ts";

/** A checked out commit; removed when it is given back. */
export interface CommitTree extends AsyncDisposable {
  /** Top folder of the repository. */
  repository: string;
  /** Full hash. */
  commit: string;
  /** Folder with the commit's files. */
  folder: string;
  /**
   * Builds the runner of the commit by the commit's own build; of Posemark's own repository only.
   */
  buildRunner(request: RunnerRequest): Promise<BuiltRunner>;
}

/** Top folder of Posemark's own checkout. */
const POSEMARK_ROOT = path.resolve(import.meta.dirname!, "..", "..");

/**
 * Returns a worktree of the commit: of the repository that the first model lies in (the shipped
 * ones lie in Posemark's), else of the working directory's. The worktree lies in the folder for
 * temporary files.
 *
 * Throws `HarnessError` `bad-option` when there is no repository or no such commit, or when neither
 * a model nor the runner is in it, `missing-tool` without git.
 */
export async function openCommit(
  models: readonly string[],
  ref: string,
  signal?: AbortSignal,
): Promise<CommitTree> {
  const repository = await repositoryOf(models);
  const commit = (await git(repository, ["rev-parse", "--verify", "--quiet", `${ref}^{commit}`]))
    ?.trim();
  if (!commit) {
    throw new HarnessError(
      "bad-option",
      `Cannot use git:${ref}: ${repository} has no such commit, branch or tag. In CI fetch the whole history (fetch-depth: 0)`,
    );
  }
  const temporary = await Deno.makeTempDir({ prefix: "posemark-commit-" });
  const folder = path.join(temporary, "tree");
  signal?.throwIfAborted();
  if (await git(repository, ["worktree", "add", "--detach", "--quiet", folder, commit]) === null) {
    await Deno.remove(temporary, { recursive: true });
    throw new HarnessError(
      "bad-option",
      `Cannot check out git:${ref} of ${repository} to ${folder}: git worktree add failed. See "git worktree list"`,
    );
  }
  return {
    repository,
    commit,
    folder,
    buildRunner: (request) => buildCommitRunner(folder, request),
    async [Symbol.asyncDispose]() {
      await git(repository, ["worktree", "remove", "--force", folder]);
      await Deno.remove(temporary, { recursive: true });
    },
  };
}

/** Returns true when the commit is of Posemark's own repository, and so has its own runner. */
export function ownsRunner(tree: Pick<CommitTree, "repository">): boolean {
  return realPath(tree.repository) === realPath(POSEMARK_ROOT);
}

/**
 * Returns the models as the commit has them: files of the repository by their path in the worktree,
 * others as they are.
 *
 * Throws `bad-option` when the commit lacks one, or when nothing at all would be taken from the
 * commit.
 */
export async function commitModels(
  tree: Pick<CommitTree, "repository" | "folder" | "commit">,
  models: readonly string[],
): Promise<string[]> {
  const found: string[] = [];
  let inside = 0;
  for (const model of models) {
    const file = await modelFile(model);
    const relative = file === null ? null : relativeTo(tree.repository, file);
    if (relative === null) {
      found.push(model);
      continue;
    }
    const there = path.join(tree.folder, relative);
    try {
      await Deno.stat(there);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
      throw new HarnessError(
        "bad-option",
        `Cannot use ${relative} of commit ${
          tree.commit.slice(0, 12)
        }: the commit has no such file. Name a commit that has it, or compare two prepared folders`,
      );
    }
    found.push(there);
    inside++;
  }
  if (inside === 0 && !ownsRunner(tree)) {
    throw new HarnessError(
      "bad-option",
      `Cannot gate against commit ${tree.commit.slice(0, 12)}: none of the models (${
        models.join(", ")
      }) lies in ${tree.repository}, so that nothing would differ. Name a model of the repository by --model`,
    );
  }
  return found;
}

/**
 * Returns the commit that a folder's repository stands at; null when it is in none, or there is no
 * git.
 */
export async function headCommit(folder: string): Promise<string | null> {
  try {
    return (await git(folder, ["rev-parse", "--verify", "--quiet", "HEAD"]))?.trim() || null;
  } catch (cause) {
    if (cause instanceof HarnessError) return null;
    throw cause;
  }
}

async function repositoryOf(models: readonly string[]): Promise<string> {
  for (const model of models) {
    const file = await modelFile(model);
    if (file === null) continue;
    const found = await topFolder(path.dirname(file));
    if (found !== null) return found;
  }
  const own = await topFolder(Deno.cwd());
  if (own !== null) return own;
  throw new HarnessError(
    "bad-option",
    `Cannot use a commit: neither the models nor ${Deno.cwd()} lie in a git repository. Run it inside of one`,
  );
}

/**
 * Returns the file of a model: a path as it is, a shipped name as its ONNX file; null for a
 * published name.
 */
async function modelFile(model: string): Promise<string | null> {
  if (/\.(onnx|pt)$/i.test(model)) return path.resolve(model);
  return (await shippedNames(SHIPPED_MODELS_FOLDER)).includes(model)
    ? path.join(SHIPPED_MODELS_FOLDER, `${model}.onnx`)
    : null;
}

async function topFolder(folder: string): Promise<string | null> {
  const found = await git(folder, ["rev-parse", "--show-toplevel"]);
  return found === null ? null : path.normalize(found.trim());
}

function relativeTo(root: string, file: string): string | null {
  const relative = path.relative(realPath(root), realPath(file));
  return relative.startsWith("..") || path.isAbsolute(relative) ? null : relative;
}

function realPath(file: string): string {
  try {
    return Deno.realPathSync(file);
  } catch {
    return path.resolve(file);
  }
}

/** Returns what git printed; null when it failed. Throws `missing-tool` when there is no git. */
async function git(folder: string, args: string[]): Promise<string | null> {
  try {
    const { code, stdout } = await new Deno.Command("git", {
      args: ["-C", folder, ...args],
      stdout: "piped",
      stderr: "null",
    }).output();
    return code === 0 ? new TextDecoder().decode(stdout) : null;
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new HarnessError("missing-tool", "Cannot use a commit: git was not found: install it", {
      cause,
    });
  }
}

/**
 * Builds by the commit's own modules, so that sources, flags and the pinned ncnn are all of that
 * commit.
 */
async function buildCommitRunner(folder: string, request: RunnerRequest): Promise<BuiltRunner> {
  const file = path.join(folder, "harness", "toolchain", "runner.ts");
  if (await Deno.stat(file).catch(() => null) === null) {
    throw new HarnessError(
      "bad-option",
      `Cannot use the runner of the commit in ${folder}: it is of version 0.1.0, whose runner takes other arguments than today's: name a newer commit`,
    );
  }
  try {
    const { buildRunner } = await import(path.toFileUrl(file).href);
    return await buildRunner(request);
  } catch (cause) {
    // the commit's own HarnessError is another class than ours
    const { code, message, stderrTail } = cause as HarnessError;
    if (typeof code === "string" && code in ERRORS) {
      throw new HarnessError(code as ErrorCode, message, { cause, stderrTail });
    }
    throw new HarnessError(
      "build-failed",
      `Cannot build the runner of the commit in ${folder}: ${message}. Name a newer commit`,
      { cause },
    );
  }
}
