import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { commitModels, headCommit, openCommit, ownsRunner } from "./commit.ts";

async function git(folder: string, ...args: string[]): Promise<string> {
  const identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
  const { code, stdout, stderr } = await new Deno.Command("git", {
    args: ["-C", folder, ...identity, ...args],
    stdout: "piped",
    stderr: "piped",
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

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

Deno.test("headCommit() tells the commit of a repository, and null outside of one", async () => {
  await inRepository(async (folder) => {
    assertEquals(await headCommit(folder), await git(folder, "rev-parse", "HEAD"));
  });
  const outside = await Deno.makeTempDir();
  assertEquals(await headCommit(outside), null);
  await Deno.remove(outside);
});
