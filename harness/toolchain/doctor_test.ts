import { assert, assertEquals } from "@std/assert";
import * as path from "@std/path";
import { inTempFolder } from "../testdata/temp_folder.ts";
import { doctor, type DoctorRow, doctorText, exportRow, freeBytes } from "./doctor.ts";

const row = (change: Partial<DoctorRow>): DoctorRow => ({
  name: "adb",
  required: false,
  ok: false,
  purpose: "phones",
  found: null,
  remedy: "apt install adb",
  ...change,
});

Deno.test("freeBytes() reads the portable output of df", () => {
  const text = "Filesystem 1024-blocks Used Available Capacity Mounted on\n" +
    "/dev/disk with space 263175168 19000000 76000000 21% /home/a b\n";
  assertEquals(freeBytes(text), 76000000 * 1024);
  assertEquals(freeBytes("df: no such file"), null);
});

Deno.test("doctorText() says how to get what is missing", () => {
  assertEquals(
    doctorText([row({}), row({ ok: true, found: "1.0.41" })]),
    "– adb: missing; needed for phones: apt install adb\n✓ adb: 1.0.41 (phones)\n",
  );
  assert(doctorText([row({ required: true })]).startsWith("✗"));
  assert(doctorText([row({ found: "0.1 GB free" })]).includes("0.1 GB free; needed"));
});

Deno.test("doctor() finds this machine's tools", async () => {
  const rows = await doctor();
  const found = new Map(rows.map(({ name, found }) => [name, found]));
  assert(/python \d/.test(found.get("python3 with pip")!));
  assert(/^\d+\.\d+/.test(found.get("cmake")!));
  assert(/^3\.\d+\.\d+/.test(found.get("python3 for .pt")!));
  assert(/GB free$/.test(found.get("space in the cache")!));
  const firstOptional = rows.findIndex(({ required }) => !required);
  assert(rows.slice(firstOptional).every(({ required }) => !required));
  assert(rows.every(({ ok, found }) => ok ? found !== null : true));
});

Deno.test("exportRow() says what an export of a checkpoint would meet", () =>
  inTempFolder(async (folder) => {
    const answering = async (version: number[], venv: boolean) => {
      const python = path.join(folder, "python");
      await Deno.writeTextFile(python, `#!/bin/sh\necho '${JSON.stringify({ version, venv })}'\n`);
      await Deno.chmod(python, 0o755);
      return await exportRow(undefined, python, folder);
    };
    const first = await answering([3, 12, 1], true);
    assertEquals([first.ok, first.found], [true, "3.12.1, the first export installs 6 GB by pip"]);
    const bare = await answering([3, 12, 1], false);
    assertEquals(bare.ok, false);
    assert(bare.remedy.includes("apt install python3.12-venv"));
    for (const version of [[3, 8, 0], [3, 15, 0]]) {
      const other = await answering(version, true);
      assertEquals([other.ok, other.found], [false, version.join(".")]);
      assert(other.remedy.includes("POSEMARK_PYTHON to the path of Python 3.9 to 3.14"));
    }
    const absent = await exportRow(undefined, "/nowhere/python", folder);
    assertEquals([absent.ok, absent.found], [false, null]);
    const kept = path.join(folder, "export-venv", "key");
    await Deno.mkdir(kept, { recursive: true });
    const stamp = '{"ultralytics":"8.4.190","python":"3.12"}';
    await Deno.writeTextFile(path.join(kept, "complete"), stamp);
    const cached = await answering([3, 12, 1], true);
    assertEquals(cached.found, "3.12.1, in the cache: ultralytics 8.4.190 (Python 3.12)");
  }));
