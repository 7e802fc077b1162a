import { assertEquals } from "@std/assert";
import { parsePythonLiteral } from "./python_literal.ts";

Deno.test("parsePythonLiteral() reads what str() writes", () => {
  const cases: [string, unknown][] = [
    ["{0: 'person'}", { 0: "person" }],
    [`{0: 'cat', 1: "dog's", 2: 'a\\'b', 3: 'é'}`, { 0: "cat", 1: "dog's", 2: "a'b", 3: "é" }],
    ["{0: ['nose', 'left_eye'],}", { 0: ["nose", "left_eye"] }],
    ["(17, 3)", [17, 3]],
    ["(17,)", [17]],
    [" [640, 480] ", [640, 480]],
    ["32", 32],
    ["-1.5e-3", -0.0015],
    ["None", null],
    ["True", true],
    ["{}", {}],
    ['{"0": "caf\\u00e9"}', { 0: "café" }],
    ["'\\xe9\\n'", "é\n"],
  ];
  for (const [text, value] of cases) assertEquals(parsePythonLiteral(text), value, text);
});

Deno.test("parsePythonLiteral() is undefined for what is no literal", () => {
  const texts = [
    "",
    "person",
    "{0: 'a'",
    "[1 2]",
    "'a",
    "print(1)",
    "[1]]",
    "{0 'a'}",
    "constructor",
  ];
  for (const text of texts) assertEquals(parsePythonLiteral(text), undefined, text);
});
