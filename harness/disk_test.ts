import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { asFileError } from "./disk.ts";
import { inTempFolder } from "./testdata/temp_folder.ts";

const CHECKOUT = path.resolve(import.meta.dirname!, "..");
const MODEL = path.join(CHECKOUT, "models", "posemark-n-relu.onnx");

Deno.test("asFileError() says in words what is wrong with a place, and leaves other errors and own files", () => {
  const of = (message: string, own?: string[]) => asFileError(new Error(message), own);
  for (
    const [message, said] of [
      ["File name too long (os error 36): stat 'aaa'", "Cannot use aaa: its name is too long"],
      [
        "Too many levels of symbolic links (os error 40): stat 'a/b'",
        "Cannot use a/b: its links lead",
      ],
      ["Is a directory (os error 21): readfile '/tmp'", "Cannot use /tmp: it is a folder"],
      ["Not a directory (os error 20): open 'f/x'", "a file stands where a folder is expected"],
      ["No space left on device (os error 28): writefile '/dev/full'", "the disk is full"],
      ["Permission denied (os error 13): open '/root/x'", "permission denied"],
    ]
  ) assertStringIncludes(of(message)!.message, said);
  assertEquals(of("No space left on device (os error 28)")!.exitCode, 3);
  assertEquals(of("x is not a function"), null);
  assertEquals(of("Is a directory"), null);
  assertEquals(
    of("No such file or directory (os error 2): open '/p/harness/x.ts'", ["/p/harness"]),
    null,
  );
  assert(of(`File name too long (os error 36): stat '${"a".repeat(4000)}'`)!.message.length < 400);
});

/** A folder with what users meet: a loop of links, a folder named like a file, a page of theirs. */
async function inOddFolder(test: (folder: string) => Promise<void>): Promise<void> {
  await inTempFolder(async (folder) => {
    const at = (name: string) => path.join(folder, name);
    await Deno.symlink("loop2", at("loop1"));
    await Deno.symlink("loop1", at("loop2"));
    await Deno.mkdir(at("folder.json"));
    await Deno.copyFile(MODEL, at("m.onnx"));
    await Deno.mkdir(at("theirs"));
    await Deno.writeTextFile(at("theirs/report.html"), "<title>Quarterly report</title>");
    await test(folder);
  });
}

Deno.test("no mistake of a user's about files is called a defect of Posemark", async () => {
  const long = "a".repeat(300);
  await inOddFolder(async (folder) => {
    const cases = [
      ...[long, "loop1", "theirs"].map((name) => ["report", name]),
      ...[long, "loop1", "folder.json"].map((name) => ["gate", "--baseline", name]),
      ...[long, "loop1", "folder.json"].map((name) => ["simulate", "--quick", "--records", name]),
      ...[long, "loop1"].map((name) => ["compare-models", name]),
      ...[long, "loop1/x", "theirs"].map((name) => ["bench", "--model", "m.onnx", "--out", name]),
      ...[long, "loop1/x", "/dev/full", "theirs"].map((
        name,
      ) => ["inspect", "m.onnx", "m.onnx", "--svg", name]),
      ["history", "--db", "h.db", "theirs"],
      ["history", "--db", "/dev/full", "theirs"],
    ];
    for (const args of cases) {
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          `--config=${CHECKOUT}/deno.json`,
          `${CHECKOUT}/harness/main.ts`,
          ...args,
        ],
        cwd: folder,
        env: { INIT_CWD: "" },
      }).output();
      const text = new TextDecoder().decode(stderr);
      const told = `${args.join(" ").slice(0, 60)}: ${text.slice(0, 300)}`;
      assert([2, 3].includes(code), told);
      assert(!text.includes("defect of Posemark"), told);
      assert(/^error: Cannot /m.test(text), told);
    }
    const page = await Deno.readTextFile(path.join(folder, "theirs", "report.html"));
    assertEquals(page, "<title>Quarterly report</title>");
  });
});
