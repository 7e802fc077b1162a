import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { runCommits } from "../git.ts";
import { choiceOfId } from "../jobs/own_sides.ts";
import { SHIPPED_MODELS_FOLDER } from "../model/fetch/resolve_model.ts";
import type { TrialRow } from "../gate/trials.ts";
import { runFixture } from "../gate/testdata/gate_fixture.ts";
import { testManifest } from "../parity/testdata/manifest.ts";
import { userCommit } from "../record/commits.ts";
import { readRecords } from "../record/record_log.ts";
import { launchFixture } from "../stats/testdata/launch_fixture.ts";
import { calibrateCommand, gateCommand } from "./gate.ts";
import { runCommandOf } from "./testdata/run_command.ts";
import { trialsCommand } from "./trials.ts";

/** One thread, few images: the tests share machine and time. */
const QUICK = [
  ...["--threads", "1", "--precision", "fp32"],
  ...["--warmup", "1", "--iterations", "2", "--measure-images", "3", "--stage-images", "2"],
];
const VARIANT = "posemark-n-silu.silu.raw.fp32.160x160.pnnx";

const runCommand = (...argv: string[]) =>
  runCommandOf([gateCommand, calibrateCommand, trialsCommand], argv);

async function inTempFolder(test: (file: (name: string) => string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await test((name) => path.join(folder, name));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes a configuration that a noisy machine can decide soon. */
async function writeConfig(
  file: string,
  percent: number,
  budgetSeconds: number,
  more: Record<string, unknown> = {},
): Promise<string> {
  const gate = { thresholdsPercent: { "total.p50": percent }, budgetSeconds, ...more };
  await Deno.writeTextFile(file, JSON.stringify({ gate }));
  return file;
}

Deno.test("gate finds an injected slow-down of half, live, and says so in every form", async () => {
  await inTempFolder(async (file) => {
    const { code, stdout } = await runCommand(
      ...["gate", "--baseline", VARIANT, "--candidate", VARIANT, ...QUICK, "--json"],
      ...["--inject-slowdown", "50", "--history", file("h.db"), "--out", file("run")],
      ...["--config", await writeConfig(file("p.json"), 25, 120)],
      ...["--format", `junit=${file("j.xml")},csv=${file("f.csv")}`],
    );
    const result = JSON.parse(stdout);
    assertEquals([code, result.verdict], [1, "fail"], stdout);
    const [metric] = result.metrics;
    assert(metric.ratio > 1.2 && metric.low > 1, stdout);
    assertEquals([metric.name, metric.device, metric.threshold], ["total.p50", "host", 1.25]);
    assertEquals(result.parity.verdict, "pass", result.parity.reason);
    assertStringIncludes(result.candidate, "slowed down on purpose by 50%");
    assertEquals(JSON.parse(await Deno.readTextFile(file("run/gate.json"))), result);
    assertStringIncludes(await Deno.readTextFile(file("j.xml")), '<failure message="');
    assertStringIncludes(await Deno.readTextFile(file("f.csv")), "total.p50");
    const { records } = readRecords(file("run/records.jsonl"));
    const [run] = records.filter((record) => record.kind === "run");
    const model = path.join(SHIPPED_MODELS_FOLDER, "posemark-n-silu.onnx");
    assertEquals(run.commits, await runCommits([model]));
    assertStringIncludes(await Deno.readTextFile(file("f.csv")), userCommit(run.commits)!);
    // each side alone in the first three blocks, and two shared launches a block
    const alone = records.filter((record) => record.kind === "launch");
    const turns = records.filter((record) => record.kind === "turns");
    assertEquals([alone.length, turns.length], [6, 4 * result.blocks]);
    const launches = [...alone, ...turns];
    assert(launches.every(({ marks }) => marks.includes("test-build")));
    assertEquals(
      new Set(
        launches.map((each) => `${each.variantId} ${each.runner.options.injectSlowdownPercent}`),
      ),
      new Set([`${VARIANT}.baseline 0`, `${VARIANT} 50`]),
    );
  });
});

Deno.test("calibrate keeps what the host resolves, and the gate refuses less, passes the same", async () => {
  await inTempFolder(async (file) => {
    const history = ["--history", file("h.db")];
    const calibrated = await runCommand(
      ...["calibrate", "--variant", VARIANT, "--blocks", "8", ...QUICK, ...history],
      ...["--budgets", "120", "--metrics", "total.p50", "--json"],
    );
    const [{ device, threads, blocks, resolutions }] = JSON.parse(calibrated.stdout);
    assertEquals([calibrated.code, device, threads, blocks], [0, "host", 1, 8]);
    assertEquals(resolutions.length, 1);
    assertEquals([resolutions[0].metric, resolutions[0].budgetSeconds], ["total.p50", 120]);

    const gate = ["gate", "--baseline", VARIANT, "--candidate", VARIANT, ...QUICK, ...history];
    const refused = await assertRejects(
      async () =>
        await runCommand(
          ...[...gate, "--out", file("refused")],
          ...["--config", await writeConfig(file("fine.json"), 0.01, 30)],
        ),
      HarnessError,
    );
    assertEquals(refused.code, "bad-config", refused.message);
    assertStringIncludes(refused.message, "Cannot gate total.p50 on");

    const same = await runCommand(
      ...[...gate, "--out", file("same"), "--json"],
      ...["--config", await writeConfig(file("coarse.json"), 900, 120)],
    );
    const result = JSON.parse(same.stdout);
    assertEquals(result.verdict, "pass", same.stdout);
    assertEquals(same.code, 0);
    assert(result.metrics[0].detectable !== null, "the calibration is known");

    const records = await Deno.readTextFile(file("same/records.jsonl"));
    const { runId } = JSON.parse(records.split("\n")[0]);
    await Deno.mkdir(file("again"));
    await Deno.writeTextFile(file("again/records.jsonl"), records.replaceAll(runId, `${runId}b`));
    const saved = await runCommand(
      ...["gate", "--baseline", file("same"), "--candidate", file("again"), ...history],
      ...["--config", file("coarse.json"), "--json"],
    );
    assertEquals([saved.code, JSON.parse(saved.stdout).paired], [0, false], saved.stdout);
  });
});

Deno.test("trials runs gates whose truth is known, keeps each, and counts them", async () => {
  await inTempFolder(async (file) => {
    const { code, stdout } = await runCommand(
      ...["trials", "--variant", VARIANT, ...QUICK, "--history", file("h.db")],
      ...["--sizes", "40", "--same", "1", "--slow", "1", "--budget", "120"],
      ...["--out", file("trials"), "--json"],
    );
    assertEquals(code, 0);
    const rows = JSON.parse(stdout);
    assertEquals(
      rows.map((row: TrialRow) => [row.thresholdPercent, row.injectPercent, row.count]),
      [[40, null, 1], [40, 40, 1]],
    );
    assertEquals([rows[0].fail, rows[1].pass], [0, 0], stdout);
    const kept = (await Deno.readTextFile(file("trials/trials.jsonl"))).trim().split("\n")
      .map((line) => JSON.parse(line));
    assertEquals(kept.length, 2);
    const slowed = kept.findIndex(({ injectPercent }) => injectPercent === 40);
    const { records } = readRecords(file(`trials/${slowed + 1}/records.jsonl`));
    const launches = records.filter((record) => record.kind === "turns");
    assertEquals(launches.length, 4 * kept[slowed].blocks);
    assert(launches.some(({ runner }) => runner.options.injectSlowdownPercent === 40));

    const again = await assertRejects(
      () => runCommand("trials", "--variant", VARIANT, ...QUICK, "--out", file("trials")),
      HarnessError,
    );
    assertEquals(again.code, "output-exists");
    assertStringIncludes(again.message, "Name another folder");
    const error = await assertRejects(
      () => runCommand("trials", "--device", "all", "--out", file("all")),
      HarnessError,
    );
    assertEquals([error.code, error.exitCode], ["bad-option", 2]);
  });
});

Deno.test("gate takes the baseline's model from a commit, trained anew or not", async () => {
  await inTempFolder(async (file) => {
    const git = async (...args: string[]) => {
      const identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
      const { code, stderr } = await new Deno.Command("git", {
        args: ["-C", file("repository"), ...identity, ...args],
        stderr: "piped",
      }).output();
      assertEquals(code, 0, new TextDecoder().decode(stderr));
    };
    const shipped = (name: string) => path.join(SHIPPED_MODELS_FOLDER, `${name}.onnx`);
    await Deno.mkdir(file("repository"));
    await git("init", "--quiet");
    await Deno.copyFile(shipped("posemark-n-relu"), file("repository/m.onnx"));
    await git("add", ".");
    await git("commit", "--quiet", "-m", "trained with ReLU");
    await Deno.copyFile(shipped("posemark-n-silu"), file("repository/m.onnx"));
    const { code, stdout } = await runCommand(
      ...["gate", "--baseline", "git:HEAD", ...QUICK, "--model", file("repository/m.onnx")],
      ...["--shape", "160x160", "--history", file("h.db"), "--out", file("run"), "--json"],
      // 24 images can't tell the AP of two trainings apart
      ...["--config", await writeConfig(file("p.json"), 900, 120, { maxApDrop: null })],
    );
    const result = JSON.parse(stdout);
    assertEquals([code, result.verdict], [0, "pass"], stdout);
    assertStringIncludes(result.baseline, "m.relu.raw.fp32.160x160.pnnx of git:HEAD (");
    assertEquals(result.candidate, "m.silu.raw.fp32.160x160.pnnx");
    const { records } = readRecords(file("run/records.jsonl"));
    const launches = records.filter((record) => record.kind === "launch");
    assert(launches.every(({ marks }) => !marks.includes("test-build")));
    assertEquals(
      new Set(launches.map(({ variantId }) => variantId)),
      new Set(["m.relu.raw.fp32.160x160.pnnx", "m.silu.raw.fp32.160x160.pnnx"]),
    );
  });
});

Deno.test("gate refuses another shape, and a mask without a CPU, and names the key, before anything runs", async () => {
  await inTempFolder(async (file) => {
    const error = await assertRejects(
      () =>
        runCommand(
          ...["gate", "--baseline", VARIANT, ...QUICK, "--history", file("h.db")],
          ...["--candidate", VARIANT.replace("160x160", "128x128"), "--out", file("run")],
        ),
      HarnessError,
    );
    assertEquals([error.code, error.exitCode], ["not-comparable", 2]);
    assertStringIncludes(error.message, "shape differs");
    const masked = await assertRejects(
      () =>
        runCommand(
          ...["gate", "--baseline", VARIANT, ...QUICK, "--history", file("h.db")],
          ...["--candidate", VARIANT, "--core-mask", "0", "--out", file("masked")],
        ),
      HarnessError,
    );
    assertEquals([masked.code, masked.exitCode], ["bad-option", 2]);
    assertStringIncludes(masked.message, "--core-mask 0 on host");
    await assertRejects(() => Deno.stat(file("masked")), Deno.errors.NotFound);
  });
});

Deno.test("gate refuses wrong configurations and sides with the option or key at fault", async () => {
  await inTempFolder(async (file) => {
    await Deno.writeTextFile(file("p.json"), '{"gate": {"treshold": 5}}');
    await Deno.mkdir(file("empty"));
    const cases: [string[], string][] = [
      [["--config", file("p.json"), "--baseline", VARIANT], "treshold"],
      [["--config", file("none.json"), "--baseline", VARIANT], "none.json"],
      [["--config", file("empty"), "--baseline", VARIANT], "Cannot read"],
      [[], "--baseline"],
      [["--baseline", file("empty")], "manifest.json"],
      [["--baseline", "latest"], "--candidate"],
      [["--baseline", VARIANT, "--candidate", "latest"], "saved run"],
      [["--baseline", VARIANT, "--format", "xml=a"], "--format"],
      [["--baseline", VARIANT, "--inject-slowdown", "-1"], "--inject-slowdown"],
    ];
    for (const [args, text] of cases) {
      const argv = ["gate", ...args, "--history", file("h.db"), "--out", file("run")];
      const error = await assertRejects(() => runCommand(...argv), HarnessError);
      assertEquals(error.exitCode, 2, `${args.join(" ")}: ${error.message}`);
      assertStringIncludes(error.message, text);
    }
  });
});

/** Writes the run of one launch of `a` on the host. */
async function writeRun(dir: string, runId: string): Promise<string> {
  const records = [
    runFixture(runId, 0, { variants: [testManifest({ id: "a" })] }),
    launchFixture({ runId, variantId: "a", round: 0, totalNs: [1e7] }),
  ];
  await Deno.mkdir(dir);
  await Deno.writeTextFile(
    path.join(dir, "records.jsonl"),
    records.map((record) => JSON.stringify(record) + "\n").join(""),
  );
  return dir;
}

Deno.test("gate compares saved runs without a history that can't be opened, and says so, but no run with itself", async () => {
  await inTempFolder(async (file) => {
    await Deno.writeTextFile(file("file"), "");
    const [a, b] = [await writeRun(file("a"), "a"), await writeRun(file("b"), "b")];
    const gate = (baseline: string) =>
      runCommand(
        ...["gate", "--baseline", baseline, "--candidate", b, "--json"],
        ...["--history", file("file/h.db")],
      );
    const { code, stdout } = await gate(a);
    assertEquals(code, 4, stdout);
    assertStringIncludes(JSON.parse(stdout).reasons[0], "Cannot use the history");
    const error = await assertRejects(() => gate(b), HarnessError, "the same run on both sides");
    assertEquals(error.exitCode, 2);
    const latest = await assertRejects(() => gate("latest"), HarnessError);
    assertEquals(latest.code, "store-failed");
  });
});

Deno.test("gate writes the formats of a phone that is not there", async () => {
  await inTempFolder(async (file) => {
    const error = await assertRejects(
      () =>
        runCommand(
          ...["gate", "--device", "no-such-phone", "--baseline", VARIANT, "--candidate", VARIANT],
          ...[...QUICK, "--history", file("h.db"), "--out", file("run")],
          ...["--format", `junit=${file("j.xml")}`],
        ),
      HarnessError,
    );
    assertEquals(error.exitCode, 3);
    assertStringIncludes(await Deno.readTextFile(file("j.xml")), "no-such-phone");
  });
});

Deno.test("the variant of these tests is one that the options can name", () => {
  const models = { models: ["m"], activations: null, heads: [], precisions: [], shapes: [] };
  assert(choiceOfId(VARIANT, { ...models, converters: [] }) !== null);
});
