import { assertEquals, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { runTask } from "../run/testdata/command.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";

Deno.test("gate fails a candidate whose pnnx crashes in conversion, by name and without a launch", async () => {
  await inTempFolder(async (folder) => {
    const pnnx = path.join(folder, "pnnx");
    await Deno.writeTextFile(pnnx, "#!/bin/sh\necho 'pass_level2 fuse_x' >&2\nkill -SEGV $$\n");
    await Deno.chmod(pnnx, 0o755);
    const out = path.join(folder, "out");
    const gate = async (baseline: string, candidate: string, name: string) =>
      await runTask("gate", [
        ...["--baseline", baseline, "--candidate", candidate, "--model", "posemark-n-relu"],
        ...["--precision", "fp32", "--shape", "64x64", "--out", `${out}-${name}`, "--json"],
        ...["--history", path.join(folder, "history.db")],
      ]);
    const { code, stdout, stderr } = await gate("pnnx:20261020", `pnnx:${folder}`, "candidate");
    assertEquals(code, 1, stderr);
    const result = JSON.parse(stdout);
    assertEquals(result.named.crash.verdict, "fail");
    assertStringIncludes(result.named.crash.reason, "crashes in conversion");
    assertStringIncludes(result.named.crash.reason, "pass_level2 fuse_x");
    assertEquals(result.blocks, 0);
    assertEquals(
      JSON.parse(await Deno.readTextFile(`${out}-candidate/gate.json`)).verdict,
      "fail",
    );
    // what was wrong before is no regression
    const both = await gate(`pnnx:${pnnx}`, `pnnx:${folder}`, "both");
    assertEquals(both.code, 4, both.stderr);
  });
});
