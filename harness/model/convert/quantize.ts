/**
 * ncnn graph in float → int8, by ncnn2table (calibration) and ncnn2int8.
 *
 * @module
 */
import * as path from "@std/path";
import type { Shape } from "../../record/variant.ts";
import { type CalibrationSet, writeCalibrationTensors } from "./int8_images.ts";
import { type Converted, requireBlobs } from "./pnnx.ts";
import { parseParam } from "../ncnn/param_file.ts";
import { convertFailed, runTool } from "./tool.ts";

/** What the quantisation is asked for. */
export interface QuantizeRequest {
  ncnn2table: string;
  ncnn2int8: string;
  /** Folder with the float graph. */
  folder: string;
  calibration: CalibrationSet;
  shape: Shape;
  threads: number;
  signal?: AbortSignal;
}

/** Method of ncnn2table that chooses the thresholds, see {@linkcode quantizeInt8}. */
export const CALIBRATION_METHOD = "aciq";

/** Name of the calibration table in the folder. */
export const TABLE_FILE = "int8.table";

/**
 * Quantises the graph and returns the names of the results; the table stays in the folder as
 * {@linkcode TABLE_FILE}.
 *
 * Thresholds are chosen by ncnn2table's `aciq`. Its `kl` clips too much here: the image itself at
 * 0.45 of 1, and the raw outputs of yolov8n-pose (HardSwish, 320×320, 24 photographs) correlate
 * with those in float by 0.93, with `aciq` by 0.992. Weights of layers that stay in float are
 * stored as fp16. Throws `HarnessError` `convert-failed` when a tool fails or no layer became int8.
 */
export async function quantizeInt8(
  converted: Converted,
  request: QuantizeRequest,
): Promise<Converted> {
  const { folder, shape, signal } = request;
  const images = path.join(folder, "calibration");
  await Deno.mkdir(images);
  const files = await writeCalibrationTensors(request.calibration, shape, images, signal);
  const list = "calibration.txt";
  await Deno.writeTextFile(
    path.join(folder, list),
    files.map((file) => `calibration/${file}\n`).join(""),
  );
  const tableLog = await runTool({
    name: "ncnn2table",
    command: request.ncnn2table,
    args: [converted.param, converted.bin, list, TABLE_FILE]
      .concat([
        `shape=[${shape.widthPx},${shape.heightPx},3]`,
        "type=1",
        `method=${CALIBRATION_METHOD}`,
      ])
      .concat([`thread=${request.threads}`]),
    cwd: folder,
    signal,
  });
  const complaint = /^.*(exception|expect \d|failed|malformed).*$/m.exec(tableLog);
  if (complaint) throw convertFailed("ncnn2table", `it says "${complaint[0].trim()}"`, tableLog);
  await Deno.remove(images, { recursive: true });
  await Deno.remove(path.join(folder, list));

  const param = "quantized.param";
  const bin = "quantized.bin";
  const int8Log = await runTool({
    name: "ncnn2int8",
    command: request.ncnn2int8,
    args: [converted.param, converted.bin, param, bin, TABLE_FILE],
    cwd: folder,
    signal,
  });
  const { inputBlob, outputBlobs } = converted;
  await requireBlobs("ncnn2int8", folder, param, bin, inputBlob, outputBlobs, int8Log);
  const { layers } = parseParam(await Deno.readTextFile(path.join(folder, param)), param);
  const quantized = layers.filter((layer) =>
    layer.type.startsWith("Convolution") && Number(layer.params.get(8) ?? 0) !== 0
  );
  if (quantized.length === 0) throw convertFailed("ncnn2int8", "it quantised no layer", int8Log);
  return {
    ...converted,
    param,
    bin,
    logs: [
      ...converted.logs,
      { file: "ncnn2table.log", text: tableLog },
      { file: "ncnn2int8.log", text: int8Log },
    ],
  };
}
