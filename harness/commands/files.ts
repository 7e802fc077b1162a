/**
 * The commands that read and write files only: `inspect`, `layers`, `report`, `evaluate`.
 *
 * @module
 */
import { command } from "../cli.ts";
import { flag, option } from "../options.ts";
import { DATASET_OPTIONS } from "./experiment_options.ts";
import { EXIT, HarnessError } from "../errors.ts";
import { print, printJson, printResult } from "../terminal.ts";
import { printableValues } from "../text/printable.ts";

/** `inspect`: the structure of graphs. */
export const inspectCommand = command({
  name: "inspect",
  description:
    "prints layers, types and fused activations of ncnn and ONNX files, and what ncnn's loader misreads or refuses of them; several are compared",
  arguments: [{
    name: "<files...>",
    description: "ONNX files, ncnn .param files (their .bin is read too), folders or zips of them",
  }],
  options: {
    json: flag("--json", "print JSON"),
    svg: option("--svg <file>", "draw the graphs side by side there (several files)"),
  },
  async run(options, files) {
    const { formatComparison, formatInspection, formatNotes, inspectFile, readNamedGraphs } =
      await import("../model/inspect/inspect.ts");
    if (files.length === 1 && options.svg !== null) {
      throw new HarnessError("bad-option", "Cannot draw one file by --svg: name two or more");
    }
    if (files.length === 1) {
      const inspection = await inspectFile(files[0]);
      printResult(options.json, inspection, formatInspection);
      if (inspection.ncnn?.isLoaded === false) return EXIT.failure;
    } else {
      const { compareGraphs } = await import("../model/inspect/compare_graphs.ts");
      const graphs = await readNamedGraphs(files);
      const comparison = compareGraphs(graphs);
      if (options.svg !== null) {
        const { drawGraphs } = await import("../model/inspect/svg.ts");
        await writeText(options.svg, drawGraphs(graphs, comparison));
      }
      printResult(
        options.json,
        comparison,
        (shown) => formatComparison(shown) + formatNotes(printableValues(graphs)),
      );
    }
    return EXIT.pass;
  },
});

/** `layers`: the comparison layer by layer of a saved run. */
export const layersCommand = command({
  name: "layers",
  description:
    "compares the blobs that `bench --compare-layers` kept with onnxruntime's tensors, without the device",
  arguments: [{ name: "<dirs...>", description: "folders of variants: DIR/layers/DEVICE/VARIANT" }],
  options: {
    json: flag("--json", "print JSON"),
    svg: option("--svg <file>", "draw the graph there, each layer by its verdict"),
  },
  async run(options, dirs) {
    const { compareLayerFolder, layersText } = await import("../run/layer_parity.ts");
    if (options.svg !== null && dirs.length > 1) {
      throw new HarnessError(
        "bad-option",
        "Cannot draw several graphs into one --svg: name one folder",
      );
    }
    const compared = [];
    for (const dir of dirs) compared.push(await compareLayerFolder(dir));
    if (options.svg !== null) await writeText(options.svg, compared[0].svg);
    if (options.json) printJson(compared.map(({ record, report }) => ({ ...record, ...report })));
    else print(printableValues(compared).map(layersText).join("\n"));
    return compared.some(({ record }) => record.failed > 0) ? EXIT.failure : EXIT.pass;
  },
});

async function writeText(file: string, text: string): Promise<void> {
  const { asWriteError } = await import("../disk.ts");
  try {
    await Deno.writeTextFile(file, text);
  } catch (cause) {
    throw asWriteError(cause, file);
  }
}

/** `report`: the page anew. */
export const reportCommand = command({
  name: "report",
  description: "writes DIR/report.html anew from DIR/report.json",
  arguments: [{ name: "<dir>", description: "folder of a run" }],
  options: {},
  async run(_options, [dir]) {
    const { writeReport } = await import("../report/write_report.ts");
    print(await writeReport(dir));
    return EXIT.pass;
  },
});

/** `evaluate`: COCO's figures. */
export const evaluateCommand = command({
  name: "evaluate",
  description: "COCO keypoint and box AP of a detections file, equal to pycocotools",
  options: {
    annotations: option(
      "--annotations <file>",
      "COCO's JSON, a data.yaml, or the folder of a data set",
    ),
    detections: option(
      "--detections <file>",
      "COCO's result format, also ultralytics' predictions.json",
    ),
    sigmas: DATASET_OPTIONS.sigmas,
    categories: option(
      "--categories <pairs>",
      "which category of the detections is which of the annotations, for instance 0=1,2=dog",
    ),
    json: flag("--json", "print JSON"),
  },
  async run(options) {
    const { annotations, detections, sigmas, categories } = options;
    if (annotations === null || detections === null) {
      throw new HarnessError(
        "bad-option",
        `Cannot evaluate: --${annotations === null ? "annotations" : "detections"} FILE is missing`,
      );
    }
    const { evaluateFiles, formatEvaluation } = await import("../jobs/evaluate.ts");
    const evaluation = await evaluateFiles({ annotations, detections, sigmas, categories });
    printResult(options.json, evaluation, formatEvaluation);
    return EXIT.pass;
  },
});
