import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { SHARED, sharedModel } from "../model/testdata/shared.ts";
import { runTask } from "../run/testdata/command.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";
import { needs } from "../testdata/needs.ts";
import { readPreparedFolder } from "./own_sides.ts";

const PHOTOGRAPHS = path.join(SHARED, "data", "coco");

Deno.test({
  name:
    "tune finds a variant within the accuracy, writes what to type, and goes on with what was run",
  ...needs("shared"),
  fn: () =>
    inTempFolder(async (folder) => {
      const images = path.join(folder, "photographs");
      await Deno.mkdir(images);
      for (const id of ["000000136334", "000000153797", "000000160012"]) {
        await Deno.copyFile(path.join(PHOTOGRAPHS, "images", `${id}.jpg`), `${images}/${id}.jpg`);
      }
      const out = path.join(folder, "tuned run");
      const asked = [
        ...["--model", sharedModel("yolov8n-pose-silu.onnx"), "--images", images],
        ...["--threads", "1", "--activation", "silu", "--precision", "fp32,bf16"],
        ...[
          "--head",
          "raw",
          "--converter",
          "pnnx",
          "--shape",
          "320x320",
          "--settings",
          "no_winograd",
        ],
        ...["--measure-images", "1", "--iterations", "1", "--warmup", "0", "--stage-images", "0"],
        ...["--max-ap-drop", "0.3", "--budget", "1s", "--json"],
      ];
      const { code, stdout, stderr } = await runTask("tune", [...asked, "--out", out]);
      assertEquals(code, 0, stderr);
      const answer = JSON.parse(stdout);
      assertEquals(answer, JSON.parse(await Deno.readTextFile(path.join(out, "tune.json"))));
      assertEquals(answer.isAnnotated, false);
      const winner = answer.entries.find(({ id }: { id: string }) => id === answer.winner);
      assertEquals(winner.refusal, null);
      assert(winner.time.value > 0 && answer.winnerMs > 0);
      // agreement with the model's own detections: the base agrees with itself
      const base = answer.entries.find(({ id }: { id: string }) => id === answer.base);
      assert(base.ap > 0.99, `${base.ap}`);
      const bf16 = answer.entries.find(({ id }: { id: string }) => id.includes(".bf16.640x640"));
      assert(bf16.ap <= 1 && bf16.apDifference !== null);

      const { manifest } = await readPreparedFolder(path.join(out, "tuned"));
      assertEquals(manifest.id, answer.winner);
      const settings = JSON.parse(await Deno.readTextFile(path.join(out, "tuned/settings.json")));
      assertEquals([settings.input.widthPx, settings.threads], [manifest.shape.widthPx, 1]);
      assertStringIncludes(
        await Deno.readTextFile(path.join(out, "tuned/ncnn_settings.h")),
        `POSE_WIDTH = ${manifest.shape.widthPx};`,
      );
      const stages = [...Deno.readDirSync(path.join(out, "stages"))].map(({ name }) => name);
      for (const stage of ["1-networks", "3-sizes", "4-settings"]) assert(stages.includes(stage));

      // what is on record is not run again
      const records = path.join(out, "stages/1-networks/records.jsonl");
      const before = await Deno.readTextFile(records);
      const again = await runTask("tune", [...asked, "--out", out, "--resume"]);
      assertEquals(again.code, 0, again.stderr);
      const after = await Deno.readTextFile(records);
      assert(after.startsWith(before));
      const rounds = (text: string) =>
        text.split("\n").filter((line) => line.startsWith('{"kind":"launch"')).length;
      assertEquals(rounds(after), rounds(before));
    }),
});
