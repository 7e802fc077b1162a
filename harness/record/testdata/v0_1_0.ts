/**
 * Files that version 0.1.0 wrote, as it wrote them.
 *
 * `bench` and `bench2` are runs on the host (`*.records.jsonl`, `*.report.json`), `gate` is a live
 * gate (`gate.records.jsonl`, `gate.json`), `history.db` has both runs and a calibration, and
 * `manifest.json` is of a prepared folder.
 *
 * @module
 */
import { readRecords } from "../record_log.ts";
import type { AnyRecord } from "../records.ts";

/** Returns the bytes of a file of version 0.1.0, unpacked. Throws when there is no such file. */
export async function bytesOfV010(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = await Deno.open(new URL(`v0_1_0/${name}.gz`, import.meta.url));
  return await new Response(packed.readable.pipeThrough(new DecompressionStream("gzip"))).bytes();
}

/** Returns the text of a file of version 0.1.0, unpacked. Throws when there is no such file. */
export async function textOfV010(name: string): Promise<string> {
  return new TextDecoder().decode(await bytesOfV010(name));
}

/** Returns the records of a run of version 0.1.0, read from a file as a command reads them. */
export async function recordsOfV010(run: string): Promise<AnyRecord[]> {
  const file = await Deno.makeTempFile({ suffix: ".jsonl" });
  try {
    await Deno.writeFile(file, await bytesOfV010(`${run}.records.jsonl`));
    return readRecords(file).records;
  } finally {
    await Deno.remove(file);
  }
}
