import { assert, assertEquals } from "@std/assert";
import * as path from "@std/path";
import denoJson from "../deno.json" with { type: "json" };
import { POSEMARK_VERSION } from "./version.ts";

const ROOT = path.join(import.meta.dirname!, "..");
const DOCUMENTS = [
  "README.md",
  "CONTRIBUTING.md",
  "ARCHITECTURE.md",
  "harness/simulate/README.md",
  ...[...Deno.readDirSync(path.join(ROOT, "docs"))].map(({ name }) => `docs/${name}`).sort(),
];
/** Things that are not files of the repository although they look like them. */
const MADE = /NAME|ROOM/;

const documents = DOCUMENTS.map((name) => ({ name, text: read(name) }));

function read(file: string): string {
  return Deno.readTextFileSync(path.join(ROOT, file));
}

function exists(file: string): boolean {
  try {
    Deno.statSync(file);
    return true;
  } catch {
    return false;
  }
}

/** Returns the files below a folder whose name ends so. */
function filesOf(folder: string, ends: RegExp): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory) return filesOf(file, ends);
    return entry.isFile && ends.test(entry.name) ? [file] : [];
  });
}

Deno.test("comment lines end at 100 characters", () => {
  const long: string[] = [];
  let lines = 0;
  for (const folder of ["harness", "runner-cpp", "reports/template", "models", "fixtures"]) {
    for (const file of filesOf(path.join(ROOT, folder), /\.(ts|js|cpp|h|inc)$/)) {
      let code = false;
      for (const [i, line] of Deno.readTextFileSync(file).split("\n").entries()) {
        if (/^\s*\* ```/.test(line)) code = !code;
        if (code || !/^\s*(\/\/|\/?\*)/.test(line)) continue;
        lines++;
        // Addresses, tables and drawings cannot be wrapped.
        if (/:\/\/|^\s*(\*|\/\/) \||\S {2,}\S/.test(line)) continue;
        if ([...line].length > 100) long.push(`${file}:${i + 1}`);
      }
    }
  }
  assert(lines > 10_000);
  assertEquals(long, []);
});

Deno.test("text leaves by terminal.ts alone, and children are started by child.ts alone", () => {
  const doors = [
    { found: /\bconsole\.\w+\(/, use: "terminal.ts", but: ["terminal.ts", "posemark.ts"] },
    { found: /\bnew Deno\.Command\(/, use: "child.ts", but: ["child.ts", "posemark.ts"] },
  ];
  const program = filesOf(path.join(ROOT, "harness"), /\.ts$/)
    .filter((file) => !/_test\.ts$|\/testdata\//.test(file));
  const past = program.flatMap((file) => {
    const code = Deno.readTextFileSync(file).replaceAll(/^\s*(\/\/|\*).*$/gm, "");
    return doors.filter(({ found, but }) => found.test(code) && !but.includes(path.basename(file)))
      .map(({ use }) => `${path.relative(ROOT, file)}: use harness/${use}`);
  });
  assertEquals(past, []);
});

Deno.test("every relative link of the documents leads to a file", () => {
  let links = 0;
  for (const { name, text } of documents) {
    for (const [, link] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
      links++;
      assert(exists(path.join(ROOT, path.dirname(name), link)), `${name}: ${link}`);
    }
  }
  assert(links > 10);
});

Deno.test("every task, option and file that the documents name exists", () => {
  const sources = [
    ...filesOf(path.join(ROOT, "harness"), /\.(ts|inc)$/),
    ...filesOf(
      path.join(ROOT, "runner-cpp"),
      /\.(cpp|h|inc)$/,
    ),
  ].map((file) => Deno.readTextFileSync(file)).join("\n");
  let named = 0;
  for (const { name, text } of documents) {
    for (const [, task] of text.matchAll(/deno(?:@[\d.]+)? task ([a-z][\w:-]*)/g)) {
      named++;
      assert(task in denoJson.tasks, `${name}: deno task ${task}`);
    }
    // What Deno itself takes is not ours.
    for (const [, option] of text.matchAll(/(--(?!allow-|frozen)[a-z][a-z-]+)/g)) {
      named++;
      assert(sources.includes(option), `${name}: ${option}`);
    }
    const code = text.matchAll(
      /`((?:harness|runner-cpp|reports|models|fixtures|\.ci)\/[\w./-]+)`/g,
    );
    for (const [, file] of code) {
      if (MADE.test(file)) continue;
      named++;
      assert(exists(path.join(ROOT, file)), `${name}: ${file}`);
    }
  }
  assert(named > 50);
});

Deno.test("the version is the same wherever it stands", () => {
  const project = /posemark-runner VERSION ([\d.]+)/.exec(read("runner-cpp/CMakeLists.txt"));
  assertEquals(project?.[1], POSEMARK_VERSION);
  assertEquals(/^## ([\d.]+)/m.exec(read("CHANGELOG.md"))?.[1], POSEMARK_VERSION);
});
