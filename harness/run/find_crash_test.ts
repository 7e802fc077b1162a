import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import type { Crash } from "../gate/crash.ts";
import { IMAGES, runFixture } from "../gate/testdata/gate_fixture.ts";
import { testManifest } from "../parity/testdata/manifest.ts";
import { SILENT } from "../progress.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";
import type { BuiltRunner } from "../toolchain/runner.ts";
import { tinyParam } from "../toolchain/testdata/tiny_graph.ts";
import { findCrash } from "./find_crash.ts";
import { onDevice } from "./session.ts";
import { fakeDevice, killed } from "./testdata/fake_device.ts";
import { runnerOptions } from "./testdata/records.ts";

const RUNNER = runnerOptions({ iterations: 3 });
const PROFILER = "/fake/profiler";

/** Returns what is found where launches of these sides, and of the profiling build, fail. */
async function found(failing: Partial<Record<"base" | "new" | "profiler", HarnessError>>) {
  let result: Crash | null = null;
  await inTempFolder(async (folder) => {
    const manifestOf = (id: string) => testManifest({ id });
    await Deno.writeTextFile(path.join(folder, manifestOf("new").param.file), tinyParam());
    const fake = fakeDevice({
      totalNs({ command }) {
        const isProfiler = command[0] === PROFILER;
        const error = isProfiler
          ? failing.profiler
          : failing[command[0].endsWith("-new") ? "new" : "base"];
        if (error) throw error;
        return [1e6, 1e6, 1e6];
      },
    });
    const variants = ["base", "new"].map((id) => ({ manifest: manifestOf(id), dir: folder }));
    const [baseline, candidate] = variants.map((variant) => ({
      name: variant.manifest.id,
      variant,
      build: () => Promise.resolve({ runner: PROFILER } as BuiltRunner),
    }));
    await onDevice(
      {
        context: { progress: SILENT, signal: new AbortController().signal },
        settings: {
          runner: RUNNER,
          bars: { maxPx: 10, minOks: 0.9 },
          launchTimeoutMs: 1000,
          coolDownMs: 0,
        },
        record: { ...runFixture("run1", 0), devices: [fake.description] },
        dataset: { images: [] },
        stageImageIds: new Set(),
        timed: [{ image: IMAGES[0], path: "/fake/image0.rgb" }],
        log: { path: "", append: () => {} },
        earlier: [],
        work: folder,
      },
      fake.device,
      variants.map((variant) => ({
        variant,
        runner: `/fake/runner-${variant.manifest.id}`,
        benchncnn: null,
      })),
      async (session) => {
        result = await findCrash(session, { baseline, candidate });
      },
    );
  });
  return result as Crash | null;
}

const profiled = new HarnessError("runner-failed", "Cannot run it: killed by SIGSEGV", {
  stderrTail: ["posemark-layers image0 0", "Convolution   conv_3     1.250ms    |"],
});

Deno.test("findCrash() names the side that crashes, and its last layer by the profiling build", async () => {
  assertEquals(await found({ new: killed(), profiler: profiled }), {
    side: "candidate",
    what: "crashes in network, after Convolution conv_3",
    said: killed().message,
  });
  assertEquals((await found({ base: killed(), new: killed(), profiler: profiled }))?.side, "both");
});

Deno.test("findCrash() leaves the layer open when the profiling build runs", async () => {
  assertEquals((await found({ new: killed() }))?.what, "crashes in the runner");
});

Deno.test("findCrash() finds none where both sides can run, and passes on what is the device's fault", async () => {
  assertEquals(await found({}), null);
  const lost = new HarnessError("timeout", "Cannot finish it: nothing was heard for 1 s");
  const error = await assertRejects(() => found({ new: lost }), HarnessError);
  assertStringIncludes(error.message, "nothing was heard");
});
