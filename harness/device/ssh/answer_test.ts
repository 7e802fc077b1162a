import { assertEquals } from "@std/assert";
import { unwrapAnswer, wrapScript } from "./answer.ts";

const MARK = "0123abcd";

/** Returns the answer of a shell to a wrapped script, with noise before it. */
async function answer(script: string, noise = ""): Promise<[string, number] | null> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", noise + wrapScript(script, MARK)],
    stderr: "null",
  }).output();
  const found = unwrapAnswer(stdout, MARK);
  return found && [new TextDecoder().decode(found.stdout), found.exitCode];
}

Deno.test("unwrapAnswer() returns what the script printed and how it ended, byte by byte", async () => {
  assertEquals(await answer("echo one; exit 3"), ["one\n", 3]);
  assertEquals(await answer("printf 'a\\nb'", "printf 'Welcome @@posemark begin';"), ["a\nb", 0]);
  assertEquals(await answer("echo; echo; false"), ["\n\n", 1]);
  assertEquals(await answer("kill -KILL $$; exec sleep 0.1"), null);
  // Nothing that the script reads comes out of the rest of it.
  assertEquals(await answer("cat; echo end"), ["end\n", 0]);
});

Deno.test("unwrapAnswer() is null for an answer that is cut anywhere, or bears another's mark", () => {
  const whole = new TextEncoder().encode(
    `noise\n@@posemark begin ${MARK}\nwords\n@@posemark end ${MARK} 0\n`,
  );
  assertEquals(new TextDecoder().decode(unwrapAnswer(whole, MARK)!.stdout), "words");
  for (let length = 0; length < whole.length; length++) {
    assertEquals(unwrapAnswer(whole.slice(0, length), MARK), null, String(length));
  }
  assertEquals(unwrapAnswer(whole, "ffffffff"), null);
});
