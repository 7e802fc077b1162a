import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as path from "@std/path";
import { readRecords, RecordLog } from "./record_log.ts";
import { asWriteError } from "../disk.ts";
import { HarnessError } from "../errors.ts";
import { failureRecord, runRecord } from "../run/testdata/records.ts";

function inTempFolder(test: (file: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    test(path.join(folder, "records.jsonl"));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("RecordLog keeps every record and drops a cut-off line when a run is resumed", () => {
  inTempFolder((file) => {
    {
      using log = RecordLog.create(file);
      log.append(runRecord());
      log.append(failureRecord(0));
    }
    Deno.writeTextFileSync(file, '{"kind":"failure","schemaVer', { append: true });
    const resumed = RecordLog.resume(file);
    using log = resumed.log;
    assertEquals(resumed.droppedBytes, 28);
    assertEquals(resumed.records.map((record) => record.kind), ["run", "failure"]);
    log.append(failureRecord(1));
    const { records, droppedBytes } = readRecords(file);
    assertEquals(droppedBytes, 0);
    assertEquals(records.map((record) => record.kind), ["run", "failure", "failure"]);
  });
});

Deno.test("RecordLog.create() throws output-exists when the file holds an earlier run", () => {
  inTempFolder((file) => {
    RecordLog.create(file)[Symbol.dispose]();
    assertEquals(assertThrows(() => RecordLog.create(file), HarnessError).code, "output-exists");
  });
});

Deno.test("RecordLog.resume() refuses a run that another process is writing to", () => {
  inTempFolder((file) => {
    {
      using log = RecordLog.create(file);
      log.append(runRecord());
      const error = assertThrows(() => RecordLog.resume(file), HarnessError, "another process");
      assertEquals(error.code, "output-exists");
    }
    using _again = RecordLog.resume(file).log;
  });
});

Deno.test("RecordLog.create() makes the folder, and says to name another when it can't be one", () => {
  inTempFolder((file) => {
    const below = path.join(path.dirname(file), "a", "b", "records.jsonl");
    RecordLog.create(below)[Symbol.dispose]();
    Deno.writeTextFileSync(file, "");
    const error = assertThrows(
      () => RecordLog.create(path.join(file, "records.jsonl")),
      HarnessError,
    );
    assertEquals(error.code, "bad-option");
    assertStringIncludes(error.message, "Name another place, that can be written");
  });
});

Deno.test("asWriteError() returns no-space with advice when the disk is full, and other causes as they are", () => {
  const full = asWriteError(new Error("No space left on device (os error 28)"), "records.jsonl");
  assertEquals((full as HarnessError).code, "no-space");
  assertStringIncludes((full as HarnessError).message, "--resume");
  const other = new Error("something else");
  assertEquals(asWriteError(other, "records.jsonl"), other);
});

Deno.test("readRecords() names file and line when a record has an unknown key or is no JSON", () => {
  inTempFolder((file) => {
    const good = JSON.stringify(runRecord());
    Deno.writeTextFileSync(file, `${good}\n${JSON.stringify({ ...failureRecord(0), x: 1 })}\n`);
    assertThrows(() => readRecords(file), HarnessError, "line 2");
    Deno.writeTextFileSync(file, `${good}\nnot json\n`);
    assertThrows(() => readRecords(file), HarnessError, "line 2");
    Deno.writeTextFileSync(file, `${JSON.stringify(failureRecord(0))}\n`);
    assertThrows(() => readRecords(file), HarnessError, "expected the run record");
  });
});
