/**
 * The commands that read and write files only: `inspect`, `layers`, `report`, `evaluate`.
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
  options: [
    { flags: "--json", description: "print JSON" },
    { flags: "--svg <file>", description: "draw the graphs side by side there (several files)" },
  ],
  async run(options, files) {
    const { formatComparison, formatInspection, inspectFile, readNamedGraphs } = await import(
      "../model/inspect/inspect.ts"
    );
    if (files.length === 1 && options.svg !== undefined) {
      throw new HarnessError("bad-option", "Cannot draw one file by --svg: name two or more");
    }
    if (files.length === 1) {
      const inspection = await inspectFile(files[0]);
      console.log(
        options.json ? JSON.stringify(inspection, null, 2) : formatInspection(inspection),
      );
    } else {
      const { compareGraphs } = await import("../model/inspect/compare_graphs.ts");
      const graphs = await readNamedGraphs(files);
      const comparison = compareGraphs(graphs);
      if (options.svg !== undefined) {
        const { drawGraphs } = await import("../model/inspect/svg.ts");
        await writeText(options.svg, drawGraphs(graphs, comparison));
      }
      console.log(
        options.json ? JSON.stringify(comparison, null, 2) : formatComparison(comparison),
      );
    }
    return EXIT.pass;
  },
};

/** `layers`: the comparison layer by layer of a saved run. */
export const layersCommand: CommandSpec = {
  name: "layers",
  description:
    "compares the blobs that `bench --compare-layers` kept with onnxruntime's tensors, without the device",
  arguments: [{ name: "<dirs...>", description: "folders of variants: DIR/layers/DEVICE/VARIANT" }],
  options: [
    { flags: "--json", description: "print JSON" },
    { flags: "--svg <file>", description: "draw the graph there, each layer by its verdict" },
  ],
  async run(options, dirs) {
    const { compareLayerFolder, layersText } = await import("../run/layer_parity.ts");
    if (options.svg !== undefined && dirs.length > 1) {
      throw new HarnessError(
        "bad-option",
        "Cannot draw several graphs into one --svg: name one folder",
      );
    }
    const compared = [];
    for (const dir of dirs) compared.push(await compareLayerFolder(dir));
    if (options.svg !== undefined) await writeText(options.svg, compared[0].svg);
    console.log(
      options.json
        ? JSON.stringify(compared.map(({ record, report }) => ({ ...record, ...report })), null, 2)
        : compared.map(layersText).join("\n").trimEnd(),
    );
    return compared.some(({ record }) => record.failed > 0) ? EXIT.failure : EXIT.pass;
  },
};

async function writeText(file: string, text: string): Promise<void> {
  const { asWriteError } = await import("../disk.ts");
  try {
    await Deno.writeTextFile(file, text);
  } catch (cause) {
    throw asWriteError(cause, file);
  }
}

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
