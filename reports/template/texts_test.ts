import { assert, assertEquals } from "@std/assert";
import { LANGUAGES, TEXTS } from "./texts.js";

const en: Record<string, string> = TEXTS.en;
const zh: Record<string, string> = TEXTS.zh;

/** Placeholders of a text, sorted; `**` counts as one too. */
function placeholders(text: string): string[] {
  return (text.match(/\{\w+\}|\*\*/g) ?? []).sort();
}

Deno.test("TEXTS has every key in both languages, with the same placeholders, when a page looks it up", () => {
  assertEquals(Object.keys(zh), Object.keys(en));
  for (const key of Object.keys(en)) {
    assert(en[key].trim() !== "" && zh[key].trim() !== "", `"${key}" is empty`);
    assertEquals(placeholders(zh[key]), placeholders(en[key]), `placeholders of "${key}"`);
    assertEquals(placeholders(en[key]).filter((part) => part === "**").length % 2, 0, key);
  }
  assertEquals(Object.keys(TEXTS).sort(), [...LANGUAGES].sort());
});

Deno.test("TEXTS holds every text that a module names, and no other, when the modules are searched", async () => {
  const named = new Set<string>();
  const prefixes = new Set<string>();
  for await (const { name } of Deno.readDir(new URL(".", import.meta.url))) {
    if (!name.endsWith(".js") || name === "texts.js") continue;
    const source = await Deno.readTextFile(new URL(name, import.meta.url));
    for (const [, key] of source.matchAll(/"([a-z]\w*(?:\.[\w-]+)*)"/g)) {
      if (key in en) named.add(key);
    }
    for (const [, key] of source.matchAll(/\b(?:t|rich)\(\s*"([\w.-]+)"/g)) {
      assert(key in en, `${name} names the text "${key}", which is not in the table`);
    }
    for (const [, prefix] of source.matchAll(/`((?:[a-z]\w*\.)+)\$\{/g)) prefixes.add(prefix);
  }
  const unused = Object.keys(en).filter((key) =>
    !named.has(key) && ![...prefixes].some((prefix) => key.startsWith(prefix))
  );
  assertEquals(unused, []);
});

Deno.test("TEXTS has one row per key when the table is read", async () => {
  const source = await Deno.readTextFile(new URL("texts.js", import.meta.url));
  const keys = [...source.matchAll(/^ {2}\["([^"]+)", /gm)].map(([, key]) => key);
  assertEquals(keys.length, new Set(keys).size);
  assertEquals(keys.length, Object.keys(en).length);
});
