import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { HarnessError } from "./errors.ts";
import { HIDDEN, makeSecret, parseAddress, readSecret, redact, requireSecret } from "./secret.ts";

const source = (env: Record<string, string>, files: Record<string, string> = {}) => ({
  env: (name: string) => env[name],
  readTextFile: (path: string) =>
    path in files ? Promise.resolve(files[path]) : Promise.reject(new Error("No such file")),
});

Deno.test("makeSecret() shows nothing when printed, inspected or serialised", () => {
  const secret = makeSecret("tok-123");
  assertEquals(`${secret}`, HIDDEN);
  assertEquals(JSON.stringify({ secret }), `{"secret":"${HIDDEN}"}`);
  assertEquals(Deno.inspect({ secret }).includes("tok-123"), false);
  assertEquals(secret.reveal(), "tok-123");
});

Deno.test("readSecret() takes the variable, or the file that NAME_FILE names", async () => {
  assertEquals((await readSecret("T", source({ T: " abc \n" })))?.reveal(), "abc");
  assertEquals(
    (await readSecret("T", source({ T_FILE: "/f" }, { "/f": "def\n" })))?.reveal(),
    "def",
  );
  assertEquals(await readSecret("T", source({})), null);
});

Deno.test("readSecret() refuses two sources, a missing and an empty file", async () => {
  await assertRejects(
    () => readSecret("T", source({ T: "a", T_FILE: "/f" })),
    HarnessError,
    "both are set",
  );
  await assertRejects(() => readSecret("T", source({ T_FILE: "/f" })), HarnessError, '"/f"');
  await assertRejects(
    () => readSecret("T", source({ T_FILE: "/f" }, { "/f": " \n" })),
    HarnessError,
    "empty",
  );
});

Deno.test("requireSecret() says where to put the token when there is none", async () => {
  const error = await assertRejects(() => requireSecret("T", "the farm", source({})), HarnessError);
  assertEquals(error.code, "bad-option");
  assertStringIncludes(error.message, "T_FILE");
});

Deno.test("redact() replaces plain, percent-encoded and JSON-escaped forms", () => {
  const secret = makeSecret('a/b "c"');
  const text = `x a/b "c" y ${encodeURIComponent('a/b "c"')} z ${JSON.stringify({ t: 'a/b "c"' })}`;
  assertEquals(redact(text, [secret, null]), `x ${HIDDEN} y ${HIDDEN} z {"t":"${HIDDEN}"}`);
});

Deno.test("parseAddress() refuses passwords and tokens and does not repeat them", () => {
  assertEquals(parseAddress("--store", "postgres://me@db/x", ["postgres:"], "P").username, "me");
  for (const text of ["postgres://me:hunter2@db/x", "https://h/?access_token=hunter2"]) {
    const error = assertThrows(
      () => parseAddress("--store", text, ["postgres:", "https:"], "P"),
      HarnessError,
    );
    assertEquals(error.message.includes("hunter2"), false);
    assertStringIncludes(error.message, "P_FILE");
  }
  for (const text of ["me:hunter2@db", "ftp://me:hunter2@db", "//me:hunter2@db"]) {
    const error = assertThrows(
      () => parseAddress("--store", text, ["postgres:"], "P"),
      HarnessError,
    );
    assertEquals(error.code, "bad-option");
    assertEquals(error.message.includes("hunter2"), false);
  }
});
