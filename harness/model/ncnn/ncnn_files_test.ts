import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import { inTempFolder } from "../../testdata/temp_folder.ts";
import { zipOf } from "../fetch/testdata/checkpoints.ts";
import { formatInspection, inspectFile } from "../inspect/inspect.ts";
import { namesNcnnFiles, openNcnnFiles } from "./ncnn_files.ts";

const PARAM = "7767517\n2 2\nInput in0 0 1 in0\nConvolution c 1 1 in0 out0 0=1 1=1 5=0 6=3\n";
const BIN = new Uint8Array(16);
const encode = (text: string) => new TextEncoder().encode(text);

/** Returns what is thrown, as text. */
async function refusal(name: string): Promise<string> {
  const error = await assertRejects(() => openNcnnFiles(name), HarnessError);
  assertEquals(error.code, "bad-param");
  return error.message;
}

Deno.test("openNcnnFiles() takes a folder of ultralytics, its graph, and a zip of it", async () => {
  await inTempFolder(async (folder) => {
    const dir = path.join(folder, "best_ncnn_model");
    Deno.mkdirSync(dir);
    Deno.writeTextFileSync(path.join(dir, "model.ncnn.param"), PARAM);
    Deno.writeFileSync(path.join(dir, "model.ncnn.bin"), BIN);
    Deno.writeTextFileSync(path.join(dir, "metadata.yaml"), "task: pose\n");
    const zip = path.join(folder, "best.zip");
    const files = Object.fromEntries(
      [...Deno.readDirSync(dir)].map(({ name }) => [
        `best_ncnn_model/${name}`,
        Deno.readFileSync(path.join(dir, name)),
      ]),
    );
    Deno.writeFileSync(zip, zipOf(files));
    for (const name of [dir, `${dir}/`, zip, path.join(dir, "model.ncnn.param")]) {
      assert(await namesNcnnFiles(name));
      const { param, bin, metadata, stem } = await openNcnnFiles(name);
      assertEquals(new TextDecoder().decode(param), PARAM);
      assertEquals(bin, BIN);
      assertEquals(metadata, "task: pose\n");
      assertEquals(stem, name.endsWith("param") ? "model" : "best");
    }
  });
});

Deno.test("openNcnnFiles() says what is missing, several, damaged, or pnnx's own", async () => {
  await inTempFolder(async (folder) => {
    const at = (name: string) => path.join(folder, name);
    assertStringIncludes(await refusal(at("none")), "there is no such file or folder");
    assertStringIncludes(await refusal(folder), "found no files, expected a .param");
    Deno.writeTextFileSync(at("m.pnnx.param"), "7767517\n1 1\npnnx.Input a 0 1 0 #0=(1)f32\n");
    assertStringIncludes(await refusal(folder), "the one for ncnn (m.ncnn.param) is missing");
    assertStringIncludes(await refusal(at("m.pnnx.param")), "it is pnnx's own graph");
    for (const name of ["a.param", "b.param"]) Deno.writeTextFileSync(at(name), PARAM);
    assertStringIncludes(await refusal(folder), "found a.param, b.param: name one of them");
    Deno.writeTextFileSync(at("x.zip"), "no archive");
    assertStringIncludes(await refusal(at("x.zip")), "no zip archive");
  });
});

Deno.test("inspectFile() tells what ncnn's loader makes of graph and weights", async () => {
  await inTempFolder(async (folder) => {
    const file = path.join(folder, "m.param");
    const inspect = async (param: string, bin: Uint8Array) => {
      Deno.writeFileSync(file, encode(param));
      Deno.writeFileSync(path.join(folder, "m.bin"), bin);
      const inspection = await inspectFile(file);
      return { text: formatInspection(inspection), isLoaded: inspection.ncnn!.isLoaded };
    };
    const sound = await inspect(PARAM, BIN);
    assert(sound.isLoaded);
    assertStringIncludes(sound.text, "ncnn loads it as it is written");
    const marked = await inspect(`\ufeff${PARAM}`, BIN);
    assert(!marked.isLoaded);
    assertStringIncludes(marked.text, "line 1: the file starts with a byte order mark");
    const short = await inspect(PARAM, BIN.subarray(0, 12));
    assert(!short.isLoaded);
    assertStringIncludes(short.text, 'line 4: the .bin ends within Convolution "c"');
    const long = await inspect(PARAM, new Uint8Array(20));
    assert(long.isLoaded);
    assertStringIncludes(long.text, "ncnn loads it, but not as it is written");
  });
});
