import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { SILENT } from "../progress.ts";
import { isBuildInput, ncnnSource, sdistLink, withoutCarriageReturns } from "./source.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => new TextDecoder().decode(value);

Deno.test("withoutCarriageReturns() keeps a CR that ends no line", () => {
  assertEquals(text(withoutCarriageReturns(bytes("a\r\nb\rc\r\r\n"))), "a\nb\rc\r\n");
  assertEquals(withoutCarriageReturns(bytes("")).length, 0);
});

Deno.test("isBuildInput() leaves out what no build reads", () => {
  assert(isBuildInput("src/layer/x86/convolution_x86.cpp"));
  assert(isBuildInput("CMakeLists.txt"));
  assert(!isBuildInput("src/layer/vulkan/relu_vulkan.cpp"));
  assert(!isBuildInput("docs/README.md"));
  assert(!isBuildInput("tools/pnnx/.git/HEAD"));
});

Deno.test("ncnnSource() keys a named tree by its content", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const file of ["CMakeLists.txt", "src/net.cpp", "benchmark/benchncnn.cpp"]) {
      await Deno.mkdir(path.dirname(path.join(folder, file)), { recursive: true });
      await Deno.writeTextFile(path.join(folder, file), file);
    }
    const request = { ncnnSource: folder, progress: SILENT };
    const first = await ncnnSource(request);
    assertEquals(first.folder, folder);
    assertEquals(first.ncnnVersion, `0-${first.id.slice(0, 8)}`);
    assertEquals((await ncnnSource(request)).id, first.id);
    await Deno.writeTextFile(path.join(folder, "src/net.cpp"), "changed");
    assertNotEquals((await ncnnSource(request)).id, first.id);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("ncnnSource() throws bad-option when the named folder holds no ncnn", async () => {
  const error = await assertRejects(
    () => ncnnSource({ ncnnSource: "/nonexistent/ncnn", progress: SILENT }),
    HarnessError,
    "found no CMakeLists.txt",
  );
  assertEquals(error.code, "bad-option");
});

Deno.test("sdistLink() finds the archive of the version among what pip tells", () => {
  const told = [
    "  Found link https://files.example/a/ncnn-1.0.20250503-cp311-x86_64.whl (from https://index.example/ncnn/)",
    "  Found link https://files.example/b/ncnn-1.0.20250503.tar.gz#sha256=00 (from https://index.example/ncnn/)",
    "  Found link https://files.example/c/ncnn-1.0.202505031.tar.gz (from https://index.example/ncnn/)",
  ].join("\n");
  assertEquals(
    sdistLink(told, "ncnn", "1.0.20250503"),
    "https://files.example/b/ncnn-1.0.20250503.tar.gz",
  );
  assertEquals(sdistLink(told, "ncnn", "1.0.2025050"), null);
  const spelled =
    "  Found link https://files.example/d/sr_vulkan-2.1.0.tar.gz (from x), version: 2.1.0";
  assertEquals(
    sdistLink(spelled, "sr-vulkan", "2.1.0"),
    "https://files.example/d/sr_vulkan-2.1.0.tar.gz",
  );
});
