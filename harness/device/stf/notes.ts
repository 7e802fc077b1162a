/**
 * Notes of open leases: what a process that was killed left behind is given back by the next one.
 *
 * @module
 */
import * as path from "@std/path";
import { z } from "zod";
import { HarnessError } from "../../errors.ts";
import type { StfClient } from "./client.ts";

const NoteSchema = z.strictObject({
  address: z.string(),
  serial: z.string(),
  hostName: z.string(),
  pid: z.int(),
  idleTimeoutMs: z.number().positive(),
});
type Note = z.infer<typeof NoteSchema>;

/** A note on disk. */
export interface FoundNote {
  note: Note;
  file: string;
  /** The file's content. */
  text: string;
}

/**
 * Writes the note of a lease that this process holds and returns its file; throws `bad-option` or
 * `no-space` naming the folder.
 */
export async function writeNote(
  client: StfClient,
  serial: string,
  { noteDir, idleTimeoutMs }: { noteDir: string; idleTimeoutMs: number },
): Promise<string> {
  const name = `${client.address} ${serial}`.replace(/[^A-Za-z0-9.-]+/g, "_");
  const file = path.join(noteDir, `${name}.json`);
  const note: Note = {
    address: client.address,
    serial,
    hostName: Deno.hostname(),
    pid: Deno.pid,
    idleTimeoutMs,
  };
  try {
    await Deno.mkdir(noteDir, { recursive: true });
    await Deno.writeTextFile(file, JSON.stringify(note) + "\n");
  } catch (cause) {
    const found = (cause as Error).message;
    throw new HarnessError(
      /os error (28|122)/.test(found) ? "no-space" : "bad-option",
      `Cannot lease phone "${serial}" of ${client.address}: the note of it can't be written to the folder ${noteDir} (${found}). ` +
        `Expected a folder with room that this user can write: free some space, or name another cache by POSEMARK_CACHE`,
      { cause },
    );
  }
  return file;
}

/** Returns the notes in a folder; files that are none are left out. */
export async function readNotes(noteDir: string): Promise<FoundNote[]> {
  const notes: FoundNote[] = [];
  try {
    for await (const entry of Deno.readDir(noteDir)) {
      if (!entry.name.endsWith(".json")) continue;
      const file = path.join(noteDir, entry.name);
      const text = await Deno.readTextFile(file).catch(() => "");
      const parsed = NoteSchema.safeParse(tryJson(text));
      if (parsed.success) notes.push({ note: parsed.data, file, text });
    }
  } catch {
    // No folder, no notes; one that can't be read can't be written either, and the next lease says
    // so.
  }
  return notes;
}

/**
 * Moves a note aside, so that of several who clean up one alone gives the phone back, and returns
 * where it is and when its lease was last heard of; null when another has it, or when the note is
 * that of a new lease by now.
 */
export async function takeNote(
  { file, text }: FoundNote,
): Promise<{ file: string; heardAtMs: number } | null> {
  const aside = `${file}.${Deno.pid}`;
  try {
    await Deno.rename(file, aside);
    if (await Deno.readTextFile(aside) === text) {
      return { file: aside, heardAtMs: (await Deno.stat(aside)).mtime?.getTime() ?? 0 };
    }
    await Deno.rename(aside, file);
  } catch {
    // It is gone, or the folder can't be written: then no lease is to be had either, and its error
    // says so.
  }
  return null;
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
