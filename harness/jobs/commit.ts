/**
 * A commit of the user's repository in a worktree of its own: its models, and its runner where the
 * repository is Posemark's.
 *
 * @module
 */
import * as path from "@std/path";
import type { BuiltRunner, RunnerRequest } from "../toolchain/runner.ts";
import { type ErrorCode, ERRORS, HarnessError } from "../errors.ts";
import { askGit, gitWords, POSEMARK_ROOT, saysNoRepository } from "../git.ts";
import { openWorkFolder } from "../work_folder.ts";
import { isLfsPointer } from "../lfs_pointer.ts";
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
  const commit = await commitOf(repository, ref);
  // entries of worktrees that a killed run left and the system's clean-up took
  await askGit(repository, ["worktree", "prune"]);
  const temporary = await openWorkFolder("commit");
  const folder = path.join(temporary.path, "tree");
  try {
    signal?.throwIfAborted();
    const added = await askGit(repository, [
      ...["worktree", "add", "--detach", "--quiet", folder, commit],
    ]);
    if (!added.ok) throw checkOutFailed(ref, commit, repository, added.words);
  } catch (error) {
    await temporary[Symbol.asyncDispose]();
    await askGit(repository, ["worktree", "prune"]);
    throw error;
  }
  return {
    repository,
    commit,
    folder,
    buildRunner: (request) => buildCommitRunner(folder, request),
    async [Symbol.asyncDispose]() {
      await askGit(repository, ["worktree", "remove", "--force", folder]);
      await temporary[Symbol.asyncDispose]();
    },
  };
}

/**
 * Returns the full hash of what the user named. Throws `bad-option` that says how to get a commit
 * that is not here: a clone of CI has few of them.
 */
async function commitOf(repository: string, ref: string): Promise<string> {
  const resolve = async (name: string) => {
    const asked = await askGit(repository, [
      "rev-parse",
      "--verify",
      "--quiet",
      `${name}^{commit}`,
    ]);
    return asked.ok ? asked.text.trim() : null;
  };
  const commit = await resolve(ref);
  if (commit !== null) return commit;
  const shallow = await askGit(repository, ["rev-parse", "--is-shallow-repository"]);
  const remotes = (await askGit(repository, ["remote"])).text.split("\n").filter((name) => name);
  const remote = remotes.includes("origin") ? "origin" : remotes[0] ?? "origin";
  const found = await resolve(`${remote}/${ref}`) === null
    ? "has no such commit, branch or tag"
    : `has no such commit, branch or tag of its own; its remote has: name git:${remote}/${ref}`;
  const isShallow = shallow.text.trim() === "true";
  throw new HarnessError(
    "bad-option",
    `Cannot use git:${ref}: ${repository} ${isShallow ? "is a shallow clone and " : ""}${found}. ` +
      `Fetch it by "git fetch ${isShallow ? "--unshallow " : ""}${remote}"` +
      (isShallow ? " (actions/checkout: fetch-depth: 0; GitLab: GIT_DEPTH: 0)" : ""),
  );
}

function checkOutFailed(
  ref: string,
  commit: string,
  repository: string,
  words: string,
): HarnessError {
  const advice = /lfs/i.test(words)
    ? `Fetch its large files by "git -C ${repository} lfs fetch origin ${commit}"`
    : `See "git -C ${repository} worktree list"`;
  return new HarnessError(
    "bad-option",
    `Cannot check out git:${ref} of ${repository}: git said: ${gitWords(words)}. ${advice}`,
  );
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
    if (await isLfsPointer(there)) {
      throw new HarnessError(
        "bad-option",
        `Cannot use ${relative} of commit ${
          tree.commit.slice(0, 12)
        }: found a pointer of Git LFS, not the file. Install git-lfs ("git lfs install") and fetch it by "git -C ${tree.repository} lfs fetch origin ${tree.commit}"`,
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

/** Returns the files of the models that the user named or that ship; a published one has none. */
export async function modelFiles(models: readonly string[]): Promise<string[]> {
  const files = await Promise.all(models.map(modelFile));
  return files.filter((file) => file !== null);
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
  const asked = await askGit(folder, ["rev-parse", "--show-toplevel"]);
  if (asked.ok) return path.normalize(asked.text.trim());
  if (saysNoRepository(asked.words)) return null;
  throw new HarnessError(
    "bad-option",
    `Cannot use the git repository of ${folder}: git said: ${gitWords(asked.words)}`,
  );
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
