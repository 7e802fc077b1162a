import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "./errors.ts";
import { inTempFolder } from "./testdata/temp_folder.ts";
import { openWorkFolder } from "./work_folder.ts";

/** Runs the test with another place for temporary files. */
async function inPlace(place: string, test: () => Promise<void>): Promise<void> {
  const before = Deno.env.get("TMPDIR");
  Deno.env.set("TMPDIR", place);
  try {
    await test();
  } finally {
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
  }
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("openWorkFolder() clears what a killed owner left, and nothing of who lives or of others", () =>
  inTempFolder((place) =>
    inPlace(place, async () => {
      const child = new Deno.Command(Deno.execPath(), {
        args: [
          "eval",
          `--config=${new URL("../deno.json", import.meta.url).pathname}`,
          `
          import { openWorkFolder } from "${new URL("./work_folder.ts", import.meta.url)}";
          const work = await openWorkFolder("killed");
          await Deno.writeTextFile(work.path + "/x", "");
          console.log("made");
          setInterval(() => {}, 1000);`,
        ],
        stdout: "piped",
      }).spawn();
      const reader = child.stdout.getReader();
      await reader.read();
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
      const [dead] = names(place);
      const long = new Date(Date.now() - 60_000);
      await Deno.utime(path.join(place, dead, ".alive"), long, long);
      await Deno.mkdir(path.join(place, "posemark-of-another-kind"));
      await Deno.mkdir(path.join(place, "other"));
      {
        await using first = await openWorkFolder("run");
        assertEquals(names(place).includes(dead), false);
        await Deno.utime(path.join(first.path, ".alive"), long, long);
        await using second = await openWorkFolder("run");
        assertEquals(names(place).length, 4, `${first.path} ${second.path}`);
      }
      assertEquals(names(place), ["other", "posemark-of-another-kind"]);
    })
  ));

Deno.test("openWorkFolder() names a TMPDIR that is not there", () =>
  inPlace("/nowhere/at/all", async () => {
    const error = await assertRejects(() => openWorkFolder("run"), HarnessError);
    assertEquals(error.code, "bad-config");
    assertStringIncludes(error.message, "/nowhere/at/all");
    assertStringIncludes(error.message, "set TMPDIR");
  }));
