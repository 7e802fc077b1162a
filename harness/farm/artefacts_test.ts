import { assertEquals, assertRejects } from "@std/assert";
import { HarnessError } from "../errors.ts";
import { sha256Hex } from "../hash.ts";
import { artefactPath, fetchArtefacts, folderArtefacts } from "./artefacts.ts";

const BYTES = new TextEncoder().encode("param");

Deno.test("fetchArtefacts() fetches once, marks programs, and mends a damaged copy in the cache", async () => {
  const dir = await Deno.makeTempDir();
  const store = folderArtefacts(`${dir}/shared`);
  const sha256 = await sha256Hex(BYTES);
  await store.putArtefact(sha256, BYTES);
  await store.putArtefact(sha256, BYTES);
  let reads = 0;
  const counted = { ...store, artefact: (hash: string) => (reads++, store.artefact(hash)) };
  const want = [{ sha256, name: "runner", executable: true }];
  const paths = await fetchArtefacts(want, counted, `${dir}/cache`);
  await fetchArtefacts(want, counted, `${dir}/cache`);
  assertEquals(reads, 1);
  const file = paths.get(sha256)!;
  assertEquals(file, artefactPath(`${dir}/cache`, sha256));
  assertEquals((await Deno.stat(file)).mode! & 0o777, 0o755);
  await Deno.writeTextFile(file, "damaged");
  await fetchArtefacts(want, counted, `${dir}/cache`);
  assertEquals([reads, await Deno.readTextFile(file)], [2, "param"]);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("fetchArtefacts() refuses bytes with another hash and a file that is missing", async () => {
  const dir = await Deno.makeTempDir();
  const store = folderArtefacts(`${dir}/shared`);
  const sha256 = await sha256Hex(BYTES);
  const want = [{ sha256, name: "model.param", executable: false }];
  const missing = await assertRejects(
    () => fetchArtefacts(want, store, `${dir}/cache`),
    HarnessError,
    "model.param",
  );
  assertEquals(missing.code, "store-failed");
  await store.putArtefact(sha256, BYTES);
  await Deno.writeTextFile(artefactPath(`${dir}/shared`, sha256), "evil");
  const evil = await assertRejects(() => fetchArtefacts(want, store, `${dir}/cache`), HarnessError);
  assertEquals(evil.code, "hash-mismatch");
  await assertRejects(() => store.putArtefact("0".repeat(64), BYTES), HarnessError, "0000");
  assertEquals(await Deno.stat(artefactPath(`${dir}/cache`, sha256)).catch(() => null), null);
  await Deno.remove(dir, { recursive: true });
});
