/**
 * Programs that differ between devices, and the script that finds out which ones a device has.
 *
 * @module
 */

/** Shell words that start the programs of a device. */
export interface ShellTools {
  /** Reads its standard input and prints the SHA-256, which stands first in its output. */
  sha256: string;
  /** Starts a program in a session of its own, with the words that follow. */
  setsid: string;
}

/** What Android 8 and newer, and most boards have. */
export const USUAL_TOOLS: ShellTools = { sha256: "sha256sum", setsid: "setsid" };

/** Ways to hash, the usual one first. */
const SHA256_WAYS = [
  "sha256sum",
  "busybox sha256sum",
  "shasum -a 256",
  "openssl dgst -sha256 -r",
  `python3 -c 'import hashlib,sys;print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'`,
];

/** Ways to a session of one's own, the usual one first. */
const SETSID_WAYS = [
  "setsid",
  "busybox setsid",
  `python3 -c 'import os,sys;os.setsid();os.execvp(sys.argv[1],sys.argv[1:])'`,
  `perl -MPOSIX -e 'POSIX::setsid();exec @ARGV'`,
];

/** SHA-256 of "abc" (FIPS 180-4, appendix): its first digits. */
const HASH_OF_ABC = "ba7816bf8f01cfea";

/**
 * Shell lines of the sections `sha256` and `setsid`: the number of the first way that works there;
 * none when no way does.
 */
export const TOOLS_LINES = [
  "section sha256",
  firstWay(SHA256_WAYS.map((way) => `printf abc | ${way} 2>/dev/null | grep -q '^${HASH_OF_ABC}'`)),
  "section setsid",
  firstWay(SETSID_WAYS.map((way) => `{ ${way} sh -c 'exit 7' 2>/dev/null; [ $? -eq 7 ]; }`)),
].join("\n") + "\n";

/** Returns the shell line that prints the number of the first test that holds. */
function firstWay(tests: readonly string[]): string {
  return tests.map((test, index) => `if ${test}; then echo ${index}; el`).join("") + "se :; fi";
}

/** Returns the tools from the sections of {@linkcode TOOLS_LINES}; null for one that is missing. */
export function parseTools(
  sections: ReadonlyMap<string, string>,
): { [K in keyof ShellTools]: string | null } {
  const way = (ways: readonly string[], name: string) =>
    ways[Number(sections.get(name) || -1)] ?? null;
  return { sha256: way(SHA256_WAYS, "sha256"), setsid: way(SETSID_WAYS, "setsid") };
}
