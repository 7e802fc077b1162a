/**
 * The command `judge`: is my app right?
 *
 * @module
 */
import { command } from "../cli.ts";
import { EXIT, HarnessError } from "../errors.ts";
import { flag, integer, option, share } from "../options.ts";
import { stderrProgress } from "../progress.ts";
import { printResult } from "../terminal.ts";

/** `judge`: what an app wrote of its stages against the reference. */
export const judgeCommand = command({
  name: "judge",
  description:
    "judges an app by what it wrote of its stages (posemark_dump.h, NPY or JSON): names the first stage that differs from the reference, and what it looks like",
  options: {
    dump: option("--dump <dir>", "folder that the app wrote, see docs/judge.md"),
    model: option("--model <file>", "ONNX file, .pt file or name that the app's model is from"),
    images: option("--images <dir>", "folder of the pictures that the app was given"),
    scoreThreshold: option(
      "--score-threshold <score>",
      "the app's threshold of scores",
      share,
      "0.25",
    ),
    nmsIou: option(
      "--nms-iou <iou>",
      "the app's limit of overlap",
      share,
      "0.45",
    ),
    maxDetections: option(
      "--max-detections <n>",
      "most people that the app gives",
      integer(1, 100_000),
      "300",
    ),
    json: flag("--json", "print JSON"),
  },
  async run(options, _args, signal) {
    const { dump, model, images } = options;
    for (const [name, value] of Object.entries({ dump, model, images })) {
      if (value !== null) continue;
      throw new HarnessError("bad-option", `Cannot judge an app: --${name} is missing`);
    }
    const { judgeAppFolder } = await import("../jobs/judge_app.ts");
    const { appVerdictText } = await import("../judge/text.ts");
    const { scoreThreshold, nmsIou, maxDetections } = options;
    const verdict = await judgeAppFolder(
      {
        ...{ dump: dump!, model: model!, images: images! },
        people: { scoreThreshold, nmsIou, maxDetections },
      },
      { progress: stderrProgress(), signal },
    );
    printResult(options.json, verdict, appVerdictText);
    return verdict.firstFailedStage === null ? EXIT.pass : EXIT.failure;
  },
});
