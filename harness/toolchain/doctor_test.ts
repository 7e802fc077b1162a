import { assert, assertEquals } from "@std/assert";
import { doctor, type DoctorRow, doctorText, freeBytes } from "./doctor.ts";

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
  assert(/GB free$/.test(found.get("space in the cache")!));
  const firstOptional = rows.findIndex(({ required }) => !required);
  assert(rows.slice(firstOptional).every(({ required }) => !required));
  assert(rows.every(({ ok, found }) => ok ? found !== null : true));
});
