/**
 * The commands that read and write files only: `inspect`, `report`, `evaluate`.
 *
 * @module
 */
import type { CommandSpec } from "../cli.ts";
import { EXIT, HarnessError } from "../errors.ts";

/** `inspect`: the structure of graphs. */
export const inspectCommand: CommandSpec = {
  name: "inspect",
  description:
    "prints layers, types and fused activations of .param and .onnx files; several are compared",
  arguments: [{ name: "<files...>", description: "ncnn .param or ONNX files" }],
  options: [{ flags: "--json", description: "print JSON" }],
  async run(options, files) {
    const { compareStructures, formatComparison, formatInspection, inspectFile } = await import(
      "../model/inspect.ts"
    );
    if (files.length === 1) {
      const inspection = await inspectFile(files[0]);
      console.log(
        options.json ? JSON.stringify(inspection, null, 2) : formatInspection(inspection),
      );
    } else {
      const comparison = await compareStructures(files);
      console.log(
        options.json ? JSON.stringify(comparison, null, 2) : formatComparison(comparison),
      );
    }
    return EXIT.pass;
  },
};

/** `report`: the page anew. */
export const reportCommand: CommandSpec = {
  name: "report",
  description: "writes DIR/report.html anew from DIR/report.json",
  arguments: [{ name: "<dir>", description: "folder of a run" }],
  options: [],
  async run(_options, [dir]) {
    const { writeReport } = await import("../report/write_report.ts");
    console.log(await writeReport(dir));
    return EXIT.pass;
  },
};

/** `evaluate`: COCO's figures. */
export const evaluateCommand: CommandSpec = {
  name: "evaluate",
  description: "COCO keypoint and box AP of a detections file, equal to pycocotools",
  options: [
    { flags: "--annotations <file>", description: "person_keypoints.json (COCO format)" },
    { flags: "--detections <file>", description: "detections in COCO's keypoint result format" },
    { flags: "--json", description: "print JSON" },
  ],
  async run(options) {
    for (const name of ["annotations", "detections"]) {
      if (options[name] === undefined) {
        throw new HarnessError("bad-option", `Cannot evaluate: --${name} FILE is missing`);
      }
    }
    const { evaluateFiles, formatEvaluation } = await import("../pose/evaluate.ts");
    const evaluation = await evaluateFiles(options.annotations, options.detections);
    console.log(options.json ? JSON.stringify(evaluation, null, 2) : formatEvaluation(evaluation));
    return EXIT.pass;
  },
};
