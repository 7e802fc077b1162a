/**
 * The page's modules → one classic script (pure).
 *
 * The modules are plain JavaScript with `import { a, b } from "./file.js";` and `export
 * function|const` only, so that joining them takes no bundler: dependencies first, the keywords
 * taken away, all in one function scope.
 *
 * @module
 */

const IMPORT = /^import\s*\{[^}]*\}\s*from\s*"\.\/([\w.-]+)";\n/gm;
const DECLARATION = /^(?:export )?(?:async )?(?:function|const|let|class) (\w+)/gm;

/**
 * Returns a script in which the modules that `entry` needs stand in order, and which ends by
 * calling `call`.
 *
 * Throws `RangeError` for a module that is not there, an import or export of another form, modules
 * that import each other in a circle, and a name that two modules declare at their top level.
 */
export function bundle(modules: Map<string, string>, entry: string, call: string): string {
  const ordered: string[] = [];
  const visit = (name: string, path: string[]) => {
    if (path.includes(name)) throw new RangeError(`Modules import each other: ${path.join(", ")}`);
    if (ordered.includes(name)) return;
    const source = modules.get(name);
    if (source === undefined) throw new RangeError(`There is no module "${name}"`);
    for (const [, dependency] of source.matchAll(IMPORT)) visit(dependency, [...path, name]);
    ordered.push(name);
  };
  visit(entry, []);
  const owner = new Map<string, string>();
  const parts = ordered.map((name) => {
    const source = modules.get(name)!;
    for (const [, declared] of source.matchAll(DECLARATION)) {
      const other = owner.get(declared);
      if (other !== undefined) {
        throw new RangeError(`"${declared}" is declared by both "${other}" and "${name}"`);
      }
      owner.set(declared, name);
    }
    const text = source.replace(IMPORT, "").replace(
      /^export (?=(async )?(function|const|let) )/gm,
      "",
    );
    if (/^(import|export)\b/m.test(text)) {
      throw new RangeError(`"${name}" imports or exports in a form that can't be joined`);
    }
    return `// ${name}\n${text}`;
  });
  return `(function () {\n"use strict";\n${parts.join("\n")}\n${call}();\n})();\n`;
}
