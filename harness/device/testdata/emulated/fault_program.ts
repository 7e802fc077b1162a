/**
 * The program that makes faults, built for emulated devices.
 *
 * @module
 */
import * as path from "@std/path";
import { assertEquals } from "@std/assert";

/** Compiles the fault program into a folder; returns its path. */
export async function compileFaultProgram(dir: string): Promise<string> {
  const out = path.join(dir, "fault_program");
  const source = new URL("./fault_program.cpp", import.meta.url).pathname;
  const command = new Deno.Command("aarch64-linux-gnu-g++", {
    args: ["-O1", "-static", "-s", "-o", out, source],
  });
  const { code, stderr } = await command.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return out;
}
