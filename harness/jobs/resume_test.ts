import { assertThrows } from "@std/assert";
import { requireSameExperiment } from "./resume.ts";
import { HarnessError } from "../errors.ts";
import { runRecord } from "../run/testdata/records.ts";

const image = (sha256: string) => ({
  id: "a",
  file: "a.jpg",
  widthPx: 1,
  heightPx: 1,
  sha256,
  cocoImageId: null,
});

Deno.test("requireSameExperiment() accepts more rounds and another time", () => {
  requireSameExperiment(
    runRecord({ options: { rounds: 2, threads: 2 } }),
    runRecord({ options: { rounds: 9, threads: 2 }, createdAt: "2027-01-01T00:00:00.000Z" }),
    "out",
  );
});

Deno.test("requireSameExperiment() names the key when options, images or the base differ", () => {
  const cases: [string, Parameters<typeof runRecord>[0], Parameters<typeof runRecord>[0]][] = [
    ["option threads", { options: { threads: 2 } }, { options: { threads: 4 } }],
    ["option threads", { options: { threads: 2 } }, { options: {} }],
    ["image a", { images: [image("0")] }, { images: [image("1")] }],
    ["image a", { images: [image("0")] }, { images: [] }],
    ["base variant", { baseVariantId: "x" }, { baseVariantId: "y" }],
  ];
  for (const [key, recorded, asked] of cases) {
    assertThrows(
      () => requireSameExperiment(runRecord(recorded), runRecord(asked), "out"),
      HarnessError,
      key,
    );
  }
});
