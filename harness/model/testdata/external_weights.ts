/**
 * A model whose weights lie in a file beside it (ONNX's external data).
 *
 * @module
 */
import * as path from "@std/path";
import onnxProto from "onnx-proto";
import { DATA_TYPE, encodeOnnx, type OnnxModel } from "../onnx/onnx_file.ts";

const { onnx } = onnxProto;

/**
 * Writes the model to `<folder>/<name>` and its floats to `<folder>/<name>.data`; returns the
 * model's path.
 */
export async function writeWithExternalWeights(
  model: OnnxModel,
  folder: string,
  name: string,
): Promise<string> {
  const proto = onnx.ModelProto.decode(encodeOnnx(model));
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const tensor of proto.graph!.initializer!) {
    if (tensor.dataType !== DATA_TYPE.float) continue;
    const data = Uint8Array.from(tensor.rawData!);
    tensor.rawData = new Uint8Array();
    tensor.dataLocation = 1;
    tensor.externalData = [
      { key: "location", value: `${name}.data` },
      { key: "offset", value: `${offset}` },
      { key: "length", value: `${data.length}` },
    ];
    parts.push(data);
    offset += data.length;
  }
  await Deno.mkdir(folder, { recursive: true });
  const file = path.join(folder, name);
  await Deno.writeFile(file, onnx.ModelProto.encode(proto).finish());
  await Deno.writeFile(
    `${file}.data`,
    new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()),
  );
  return file;
}
