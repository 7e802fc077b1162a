import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { askGit, gitWords, posemarkCommit, repositoryState, runCommits } from "./git.ts";
import { userCommit } from "./record/commits.ts";
import { git, makeRepository } from "./testdata/repository.ts";
import { needsRoot } from "./testdata/needs.ts";
import { inTempFolder } from "./testdata/temp_folder.ts";

/** A folder with a repository of models, one of an app, and a folder that is none. */
async function inWorld(
  test: (world: Record<"models" | "app" | "plain", string>) => Promise<void>,
): Promise<void> {
  await inTempFolder(async (folder) => {
    const place = (name: string) => path.join(folder, name);
    const world = { models: place("models"), app: place("app"), plain: place("plain") };
    for (const each of Object.values(world)) {
      await Deno.mkdir(each);
      await Deno.writeTextFile(path.join(each, "m.onnx"), each);
    }
    await makeRepository(world.models);
    await makeRepository(world.app);
    await test(world);
  });
}

Deno.test("runCommits() files a run under the models' commit, else the caller's, never Posemark's", async () => {
  await inWorld(async ({ models, app, plain }) => {
    const head = {
      models: await git(models, "rev-parse", "HEAD"),
      app: await git(app, "rev-parse", "HEAD"),
    };
    const clean = (commit: string) => ({ commit, dirty: false });
    const both = await runCommits([path.join(models, "m.onnx")], app);
    assertEquals(both, { models: [clean(head.models)], caller: clean(head.app), unknown: [] });
    assertEquals(userCommit(both), head.models);
    const published = await runCommits([], app);
    assertEquals([published.models, userCommit(published)], [[], head.app]);
    const none = await runCommits([path.join(plain, "m.onnx")], plain);
    assertEquals([none, userCommit(none)], [{ models: [], caller: null, unknown: [] }, null]);
    const two = await runCommits([path.join(app, "m.onnx"), path.join(models, "m.onnx")], plain);
    assertEquals(userCommit(two), `${head.app}+${head.models}`);
  });
});

Deno.test("runCommits() marks a commit as dirty when tracked files changed or the model is not in it", async () => {
  await inWorld(async ({ models, app }) => {
    const model = path.join(models, "m.onnx");
    const commit = await git(models, "rev-parse", "HEAD");
    await Deno.writeTextFile(path.join(models, "notes.txt"), "untracked, and no model");
    assertEquals(userCommit(await runCommits([model], app)), commit);
    assertEquals(
      userCommit(await runCommits([path.join(models, "notes.txt")], app)),
      `${commit}-dirty`,
    );
    await Deno.writeTextFile(model, "changed");
    assertEquals(userCommit(await runCommits([model], app)), `${commit}-dirty`);
  });
});

Deno.test("repositoryState() does not take the repository of the hook that it runs in", async () => {
  await inWorld(async ({ models, app }) => {
    Deno.env.set("GIT_DIR", path.join(app, ".git"));
    try {
      const { state } = await repositoryState(models);
      assertEquals(
        state!.commit,
        (await Deno.readTextFile(
          path.join(models, ".git", await headRef(models)),
        )).trim(),
      );
    } finally {
      Deno.env.delete("GIT_DIR");
    }
  });
});

async function headRef(folder: string): Promise<string> {
  return (await Deno.readTextFile(path.join(folder, ".git", "HEAD"))).replace("ref: ", "").trim();
}

Deno.test({
  name: "runCommits() passes on git's words about a repository of somebody else",
  ...needsRoot(),
  fn: () =>
    inWorld(async ({ models, app }) => {
      await Deno.chown(models, 65534, 65534);
      const { models: states, unknown } = await runCommits([path.join(models, "m.onnx")], app);
      assertEquals(states, []);
      assertEquals(unknown.length, 1);
      assertStringIncludes(unknown[0], "dubious ownership in repository at");
      assertStringIncludes(unknown[0], "git config --global --add safe.directory ");
    }),
});

Deno.test("gitWords() joins what git said on one line without its prefix", () => {
  assertEquals(gitWords("fatal: no\n\n\tgit x\n"), "no git x");
});

Deno.test("posemarkCommit() is the checkout's, and askGit() tells a failure with its words", async () => {
  assertMatch((await posemarkCommit())!, /^[0-9a-f]{40}(-dirty)?$/);
  const answer = await askGit(".", ["no-such-command"]);
  assertEquals(answer.ok, false);
  assertStringIncludes(answer.words, "no-such-command");
});
