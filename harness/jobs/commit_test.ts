import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { needsRoot } from "../testdata/needs.ts";
import { git } from "../testdata/repository.ts";
import { commitModels, openCommit, ownsRunner } from "./commit.ts";

/** A repository with `models/m.onnx` in two versions, the first one tagged `old`. */
async function inRepository(test: (folder: string, model: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const model = path.join(folder, "models", "m.onnx");
    await Deno.mkdir(path.dirname(model));
    await git(folder, "init", "--quiet");
    for (const version of ["old", "new"]) {
      await Deno.writeTextFile(model, version);
      await git(folder, "add", ".");
      await git(folder, "commit", "--quiet", "-m", version);
      if (version === "old") await git(folder, "tag", "old");
    }
    await test(folder, model);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("openCommit() checks the commit's model out beside the working tree, and takes it away again", async () => {
  await inRepository(async (folder, model) => {
    let there = "";
    {
      await using tree = await openCommit([model], "old");
      const outside = path.join(path.dirname(folder), "elsewhere.onnx");
      const models = await commitModels(tree, [model, outside, "yolov8n-pose"]);
      assertEquals(models.slice(1), [outside, "yolov8n-pose"]);
      there = models[0];
      assertEquals(await Deno.readTextFile(there), "old");
      assertEquals(await Deno.readTextFile(model), "new");
      assertEquals(tree.commit, await git(folder, "rev-parse", "old"));
      assert(!ownsRunner(tree), "only Posemark's own repository has a runner");
    }
    await assertRejects(() => Deno.stat(there), Deno.errors.NotFound);
    assertEquals((await git(folder, "worktree", "list")).split("\n").length, 1);
    assertEquals(await git(folder, "status", "--porcelain"), "");
  });
});

Deno.test("openCommit() says which commit is missing", async () => {
  await inRepository(async (_folder, model) => {
    const error = await assertRejects(() => openCommit([model], "no-such-branch"), HarnessError);
    assertEquals(error.code, "bad-option");
    assertStringIncludes(error.message, "git:no-such-branch");
  });
});

Deno.test("commitModels() refuses a commit without the model, and one from which nothing would be taken", async () => {
  await inRepository(async (folder, model) => {
    await using tree = await openCommit([model], "old");
    const later = path.join(folder, "models", "later.onnx");
    await Deno.writeTextFile(later, "");
    const missing = await assertRejects(() => commitModels(tree, [later]), HarnessError);
    assertStringIncludes(missing.message, path.join("models", "later.onnx"));
    await assertRejects(
      () => commitModels(tree, ["/elsewhere/m.onnx"]),
      HarnessError,
      "nothing would differ",
    );
  });
});

Deno.test("openCommit() says how to fetch what a shallow clone lacks, and names the remote's branch", async () => {
  await inRepository(async (folder, model) => {
    const clones = await Deno.makeTempDir();
    try {
      const clone = path.join(clones, "clone");
      await git(clones, "clone", "--quiet", "--depth", "1", `file://${folder}`, clone);
      const inside = path.join(clone, path.relative(folder, model));
      const shallow = await assertRejects(() => openCommit([inside], "old"), HarnessError);
      assertStringIncludes(shallow.message, "is a shallow clone and has no such commit");
      assertStringIncludes(shallow.message, "git fetch --unshallow origin");
      await git(folder, "branch", "other");
      await git(clone, "fetch", "--quiet", "origin", "other:refs/remotes/origin/other");
      const remote = await assertRejects(() => openCommit([inside], "other"), HarnessError);
      assertStringIncludes(remote.message, "name git:origin/other");
    } finally {
      await Deno.remove(clones, { recursive: true });
    }
  });
});

Deno.test("commitModels() names the fetch of a model that the commit has in Git LFS", async () => {
  await inRepository(async (folder, model) => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${
      "0".repeat(64)
    }\nsize 9\n`;
    await Deno.writeTextFile(model, pointer);
    await git(folder, "commit", "--quiet", "-am", "large");
    await using tree = await openCommit([model], "HEAD");
    const error = await assertRejects(() => commitModels(tree, [model]), HarnessError);
    assertStringIncludes(error.message, "found a pointer of Git LFS");
    assertStringIncludes(error.message, `lfs fetch origin ${tree.commit}`);
  });
});

Deno.test({
  name: "openCommit() passes on git's words about a repository of somebody else",
  ...needsRoot(),
  fn: () =>
    inRepository(async (folder, model) => {
      await Deno.chown(folder, 65534, 65534);
      const error = await assertRejects(() => openCommit([model], "old"), HarnessError);
      assertStringIncludes(error.message, "git config --global --add safe.directory");
    }),
});
