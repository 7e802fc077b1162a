import { assertEquals, assertThrows } from "@std/assert";
import { bundle } from "./bundle.ts";

Deno.test("bundle() runs dependencies first, each once, when modules share one", () => {
  const modules = new Map([
    [
      "a.js",
      `import { b } from "./b.js";\nimport { c } from "./c.js";\nexport function start() {\n  globalThis.result = b() + c();\n}\n`,
    ],
    ["b.js", `import { c } from "./c.js";\nexport function b() {\n  return c() + "b";\n}\n`],
    ["c.js", `let calls = 0;\nexport const c = () => "c" + calls++;\n`],
  ]);
  const script = bundle(modules, "a.js", "start");
  const scope: { result?: string } = {};
  new Function("globalThis", script)(scope);
  assertEquals(scope.result, "c0bc1");
});

Deno.test("bundle() throws when a name is declared twice, a module is missing, imports go round or are of another form", () => {
  const two = new Map([
    ["a.js", `import { x } from "./b.js";\nconst same = x;\n`],
    ["b.js", `const same = 1;\nexport const x = same;\n`],
  ]);
  assertThrows(() => bundle(two, "a.js", "x"), RangeError, '"same" is declared by both');
  assertThrows(
    () => bundle(new Map([["a.js", `import { x } from "./b.js";\n`]]), "a.js", "x"),
    RangeError,
    "b.js",
  );
  const round = new Map([
    ["a.js", `import { b } from "./b.js";\nexport const a = b;\n`],
    ["b.js", `import { a } from "./a.js";\nexport const b = a;\n`],
  ]);
  assertThrows(() => bundle(round, "a.js", "a"), RangeError, "import each other");
  assertThrows(
    () => bundle(new Map([["a.js", `import x from "./b.js";\n`]]), "a.js", "x"),
    RangeError,
    "form",
  );
});
