import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import Ajv from "ajv/dist/2020.js";
import { SHARED, sharedModel } from "../model/testdata/shared.ts";
import { evaluateFiles } from "./evaluate.ts";
import { contradictionsIn } from "../report/testdata/contradictions.ts";
import type { Report } from "../report/report_json.ts";
import { readRecords } from "../record/record_log.ts";
import { ROOT, runTask, startTask } from "../run/testdata/command.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";
import { needs, needsRoot } from "../testdata/needs.ts";

/** Photographs beside the shared models. */
const PHOTOGRAPHS = path.join(SHARED, "data", "coco");
/** One thread: the tests share the machine. A small input: they share the time. */
const QUICK = ["--threads", "1", "--shape", "320x320", "--warmup", "1", "--benchncnn-rounds", "1"];

function model(activation: string): string[] {
  return ["--model", sharedModel(`yolov8n-pose-${activation}.onnx`)];
}

Deno.test({
  name: "bench runs the main job on real photographs: parity, accuracy and the report hold",
  ...needs("shared"),
  fn: () =>
    inTempFolder(async (folder) => {
      const out = path.join(folder, "run");
      const { code, stdout, stderr } = await runTask("bench", [
        ...[...model("silu"), ...model("relu"), "--images", PHOTOGRAPHS, "--out", out],
        ...[...QUICK, "--head", "raw,raw-nchw", "--rounds", "2", "--iterations", "1"],
        ...["--measure-images", "3", "--stage-images", "6", "--json"],
      ]);
      assertEquals(code, 0, stderr);
      const report: Report = JSON.parse(stdout);
      assertEquals(report, JSON.parse(await Deno.readTextFile(path.join(out, "report.json"))));
      const validate = new Ajv.default({ strict: false }).compile(
        JSON.parse(
          await Deno.readTextFile(path.join(ROOT, "harness/schema/report.schema.json")),
        ),
      );
      assert(validate(report), JSON.stringify(validate.errors));

      assertEquals(report.variants.length, 8);
      for (const variant of report.variants) {
        assertEquals(variant.parity.verdict, "pass", `${variant.id}: ${variant.parity.reason}`);
        assert(variant.fps! > 0 && variant.ratio !== null);
        // two rounds on a busy machine may tell nothing: then it has no rank, and says why
        assert(variant.rank !== null || variant.unranked?.code === "noise");
        assert(variant.figures.load.value > 0 && variant.figures.firstInference.value > 0);
        assert(variant.figures.steadyRss.value <= variant.figures.peakRss.value);
        assert(variant.parity.matched > 20);
        if (variant.precision.requested === "fp32") {
          assert(variant.parity.p99Px! < 0.1, variant.id);
          assert(variant.parity.minOks! > 0.999, variant.id);
          assertEquals(variant.parity.unmatched + variant.parity.explainedUnmatched, 0);
          assert(Math.abs(variant.accuracy!.ap - variant.accuracy!.referenceAp) < 1e-3);
        }
        assert(variant.benchncnn!.rounds === 1);
        const { keypoints } = await evaluateFiles({
          annotations: path.join(PHOTOGRAPHS, "person_keypoints.json"),
          detections: path.join(out, "detections", `${variant.id}.json`),
        });
        assertEquals(keypoints.AP, variant.accuracy!.ap);
      }
      assertEquals(contradictionsIn(report), []);
      assert(report.conditions[0].stealKnown > 0 || Deno.build.os !== "linux");
      const html = await Deno.readTextFile(path.join(out, "report.html"));
      assert(!/(src|href)\s*=\s*["']https?:/.test(html), "the page must load nothing");
      const { records } = readRecords(path.join(out, "records.jsonl"));
      assertEquals(records.filter(({ kind }) => kind === "launch").length, 16);
    }),
});

Deno.test({
  name: "bench keeps finished rounds when it is interrupted, and goes on with --resume",
  ...needs("shared"),
  fn: () =>
    inTempFolder(async (folder) => {
      const out = path.join(folder, "run");
      const recordsFile = path.join(out, "records.jsonl");
      const args = [...model("silu"), "--images", PHOTOGRAPHS, "--out", out, ...QUICK];
      args.push("--measure-images", "4", "--stage-images", "1", "--benchncnn-rounds", "0");
      const child = startTask("bench", [...args, "--rounds", "200"]);
      const ended = child.output();
      const launches = () => {
        try {
          return Deno.readTextFileSync(recordsFile).split("\n").filter((line) =>
            line.startsWith('{"kind":"launch"')
          );
        } catch {
          return [];
        }
      };
      while (launches().length < 3) await new Promise((resolve) => setTimeout(resolve, 50));
      await interruptTree(child.pid);
      const { code, stderr } = await ended;
      assertEquals(code, 3, new TextDecoder().decode(stderr));
      assertStringIncludes(new TextDecoder().decode(stderr), "--resume");
      const kept = launches();
      assert(kept.length >= 3);

      const rounds = String(Math.ceil(kept.length / 2) + 1);
      const resumed = await runTask("bench", [...args, "--rounds", rounds, "--resume"]);
      assertEquals(resumed.code, 0, resumed.stderr);
      const all = launches();
      assertEquals(all.slice(0, kept.length), kept);
      const keys = all.map((line) => JSON.parse(line)).map((r) => `${r.round} ${r.variantId}`);
      assertEquals(new Set(keys).size, keys.length);
      assertEquals(keys.length, 2 * Number(rounds));

      const other = await runTask("bench", [
        ...args,
        "--rounds",
        rounds,
        "--resume",
        "--nms-iou",
        "0.5",
      ]);
      assertEquals(other.code, 2);
      assertStringIncludes(other.stderr, "nmsIou 0.7 → 0.5");
    }),
});

/** Sends Ctrl-C to a process and all below it, as a terminal does. */
async function interruptTree(pid: number): Promise<void> {
  const { stdout } = await new Deno.Command("pgrep", { args: ["-P", String(pid)] }).output();
  const children = new TextDecoder().decode(stdout).trim().split("\n").filter(Boolean);
  for (const child of children) await interruptTree(Number(child));
  try {
    Deno.kill(pid, "SIGINT");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error;
  }
}

Deno.test({
  name: "bench says what to do when an option, a model, an image or the folder is wrong",
  ...needs("shared"),
  fn: () =>
    inTempFolder(async (folder) => {
      const file = (name: string) => path.join(folder, name);
      const onnx = await Deno.readFile(model("silu")[1]);
      await Deno.writeFile(file("truncated.onnx"), onnx.slice(0, 1_000_000));
      await Deno.writeTextFile(file("text.onnx"), "not a model");
      await Deno.mkdir(file("broken"));
      await Deno.writeTextFile(file("broken/a.jpg"), "not a picture");
      await Deno.mkdir(file("empty"));
      await Deno.mkdir(file("used"));
      await Deno.writeTextFile(file("used/records.jsonl"), "");
      const photographs = ["--images", PHOTOGRAPHS];
      const cases: [string[], number, string][] = [
        [["--precison", "fp32"], 2, "--precison"],
        [["--precision", "fp8"], 2, "fp32, fp16"],
        [["--shape", "641x640"], 2, "multiples of 32"],
        [["--score-threshold", "1"], 2, "less than 1"],
        [["--rounds", "0"], 2, "--rounds"],
        [["--resume"], 2, "--out"],
        [["--model", file("none.onnx"), ...photographs], 2, "none.onnx"],
        [["--model", file("text.onnx"), ...photographs], 2, "text.onnx"],
        [["--model", file("truncated.onnx"), ...photographs], 2, "truncated.onnx"],
        [[...model("silu"), "--images", file("nowhere")], 2, "nowhere"],
        [[...model("silu"), "--images", file("empty")], 2, "empty"],
        [[...model("silu"), "--images", file("broken"), "--out", file("o1")], 2, "a.jpg"],
        [[...model("silu"), ...photographs, "--out", file("used")], 2, "--resume"],
        [[...model("silu"), ...photographs, "--base", "x", "--out", file("o2")], 2, "--base"],
        [
          [...model("silu"), ...photographs, "--core-mask", "0", "--out", file("o4")],
          2,
          "--core-mask",
        ],
        [
          ["--device", "no-such-phone", ...model("silu"), ...photographs, "--out", file("o3")],
          3,
          "no-such-phone",
        ],
      ];
      for (const [args, code, text] of cases) {
        const result = await runTask("bench", args);
        assertEquals(result.code, code, `${args.join(" ")}: ${result.stderr}`);
        assertStringIncludes(result.stderr, text);
        assertStringIncludes(result.stderr, "error: Cannot");
      }
      // the same folder is free for the next try
      await assertRejects(() => Deno.stat(file("o4")), Deno.errors.NotFound);
    }),
});

Deno.test({
  name: "bench says that the disk is full and keeps what was finished",
  ...needsRoot("shared"),
  fn: () =>
    inTempFolder(async (folder) => {
      const mount = async (...args: string[]) =>
        assertEquals((await new Deno.Command(args[0], { args: args.slice(1) }).output()).code, 0);
      await mount("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder);
      try {
        const { code, stderr } = await runTask("bench", [
          ...[...model("silu"), "--images", PHOTOGRAPHS, "--out", path.join(folder, "run")],
          ...[...QUICK, "--rounds", "200", "--measure-images", "12", "--benchncnn-rounds", "0"],
        ]);
        assertEquals(code, 3, stderr);
        assertStringIncludes(stderr, "the disk is full");
        const { records, droppedBytes } = readRecords(path.join(folder, "run", "records.jsonl"));
        assertEquals(droppedBytes, 0);
        assert(records.filter(({ kind }) => kind === "launch").length > 0);
      } finally {
        await mount("umount", folder);
      }
    }),
});

Deno.test({
  name: "bench says which tool is missing when there is no compiler",
  ...needs("shared"),
  fn: () =>
    inTempFolder(async (folder) => {
      const bin = path.join(folder, "bin");
      await Deno.mkdir(bin);
      for (const tool of ["python3", "cat", "sh", "uname", "git", "tar"]) {
        const { stdout } = await new Deno.Command("which", { args: [tool] }).output();
        await Deno.symlink(new TextDecoder().decode(stdout).trim(), path.join(bin, tool));
      }
      const { code, stderr } = await runTask("bench", [
        ...[...model("silu"), "--images", PHOTOGRAPHS, "--out", path.join(folder, "run"), ...QUICK],
      ], { PATH: bin });
      assertEquals(code, 3, stderr);
      assertStringIncludes(stderr, "cmake");
    }),
});
