/**
 * ONNX bytes ↔ a plain model that the surgery works on.
 *
 * The file format is read and written by `onnx-proto` (ONNX's own schema). Tensors are kept as
 * little-endian raw bytes, whichever field of `TensorProto` they came in.
 *
 * @module
 */
import * as path from "@std/path";
import onnxProto from "onnx-proto";
import { HarnessError } from "../../errors.ts";

const { onnx } = onnxProto;

/** Element types of ONNX (`TensorProto.DataType`) that this project names. */
export const DATA_TYPE = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
  float8e4m3fn: 17,
  float8e4m3fnuz: 18,
  float8e5m2: 19,
  float8e5m2fnuz: 20,
  uint4: 21,
  int4: 22,
  float4e2m1: 23,
  float8e8m0: 24,
} as const;

/**
 * Bytes of one element, half a byte where two share one; types that are not listed have no fixed
 * size here.
 */
const ELEMENT_BYTES: Record<number, number> = {
  [DATA_TYPE.float]: 4,
  [DATA_TYPE.uint8]: 1,
  [DATA_TYPE.int8]: 1,
  [DATA_TYPE.uint16]: 2,
  [DATA_TYPE.int16]: 2,
  [DATA_TYPE.int32]: 4,
  [DATA_TYPE.int64]: 8,
  [DATA_TYPE.bool]: 1,
  [DATA_TYPE.float16]: 2,
  [DATA_TYPE.double]: 8,
  [DATA_TYPE.uint32]: 4,
  [DATA_TYPE.uint64]: 8,
  [DATA_TYPE.bfloat16]: 2,
  [DATA_TYPE.float8e4m3fn]: 1,
  [DATA_TYPE.float8e4m3fnuz]: 1,
  [DATA_TYPE.float8e5m2]: 1,
  [DATA_TYPE.float8e5m2fnuz]: 1,
  [DATA_TYPE.uint4]: 0.5,
  [DATA_TYPE.int4]: 0.5,
  [DATA_TYPE.float4e2m1]: 0.5,
  [DATA_TYPE.float8e8m0]: 1,
};

/** A constant tensor: its elements as little-endian bytes, row-major. */
export interface OnnxTensor {
  name: string;
  dims: number[];
  /** See {@linkcode DATA_TYPE}. */
  dataType: number;
  data: Uint8Array;
}

/** The value of a node's attribute; `other` (subgraphs and the like) is carried along unread. */
export type OnnxAttribute =
  | { type: "int"; value: number }
  | { type: "float"; value: number }
  | { type: "string"; value: string }
  | { type: "ints"; value: number[] }
  | { type: "floats"; value: number[] }
  | { type: "strings"; value: string[] }
  | { type: "tensor"; value: OnnxTensor }
  | { type: "other"; value: unknown };

/** One operation of the graph. An empty input name stands for an input that was left out. */
export interface OnnxNode {
  name: string;
  opType: string;
  domain: string;
  inputs: string[];
  outputs: string[];
  attributes: Map<string, OnnxAttribute>;
}

/**
 * A graph input or output. A dimension is a number, the name of a symbolic size, or null when
 * unknown.
 */
export interface OnnxValue {
  name: string;
  dataType: number;
  /** null when the file gives no shape at all. */
  dims: (number | string | null)[] | null;
}

/** A model: one graph, its constants and what the file says about itself. */
export interface OnnxModel {
  irVersion: number;
  producer: string;
  /** Version of the default operator set. */
  opset: number;
  /** Other operator sets by domain. */
  otherOpsets: Map<string, number>;
  metadata: Map<string, string>;
  graphName: string;
  nodes: OnnxNode[];
  initializers: Map<string, OnnxTensor>;
  inputs: OnnxValue[];
  outputs: OnnxValue[];
}

/** Returns the `bad-model` error with the message "Cannot read the model LABEL: …". */
export function badModel(label: string, details: string, cause?: unknown): HarnessError {
  return new HarnessError("bad-model", `Cannot use the model ${label}: ${details}`, { cause });
}

/**
 * Returns the result of `make`. Its `RangeError` and `TypeError`, which an unsound graph causes,
 * become `bad-model` errors.
 */
export function ofSoundModel<T>(label: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof RangeError || cause instanceof TypeError)) throw cause;
    throw badModel(label, `its graph is not sound (${cause.message}): export it again`, cause);
  }
}

/** A model file, read. */
export interface OnnxFile {
  model: OnnxModel;
  /** Of the file itself. */
  bytes: Uint8Array;
  /** Files beside it that hold weights (external data), by their location in the model. */
  external: ReadonlyMap<string, Uint8Array>;
}

/** Returns the size on disk of the file and of those beside it that hold its weights. */
export function bytesOnDisk({ bytes, external }: OnnxFile): number {
  return [...external.values()].reduce((sum, file) => sum + file.length, bytes.length);
}

/**
 * Returns the model that the file holds; weights in files beside it (external data) are read too.
 *
 * Throws `HarnessError` `bad-model` when the file is missing, empty, cut short or not ONNX.
 */
export async function readOnnxFile(file: string): Promise<OnnxFile> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(file);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound
      ? "there is no such file: check the path"
      : cause instanceof Deno.errors.IsADirectory
      ? "it is a folder: name the file"
      : `the file can't be read (${(cause as Error).message}): check its permissions`;
    throw badModel(file, why, cause);
  }
  const external = new Map<string, Uint8Array>();
  const model = decodeOnnx(bytes, file, (location) => {
    const known = external.get(location);
    if (known !== undefined) return known;
    const beside = path.resolve(path.dirname(file), location);
    const inside = path.relative(path.dirname(path.resolve(file)), beside);
    if (inside.startsWith("..") || path.isAbsolute(inside)) return null;
    try {
      const found = Deno.readFileSync(beside);
      external.set(location, found);
      return found;
    } catch {
      return null;
    }
  });
  return { model, bytes, external };
}

/**
 * Returns the model that the bytes hold.
 *
 * `label` names the model in errors. `external` gives the bytes of a file of external data by its
 * location in the model, or null when it is not there. Throws `HarnessError` `bad-model`.
 */
export function decodeOnnx(
  bytes: Uint8Array,
  label: string,
  external: (location: string) => Uint8Array | null = () => null,
): OnnxModel {
  const other = nameForeignFormat(bytes);
  if (other !== null) throw badModel(label, other);
  let proto: InstanceType<typeof onnx.ModelProto>;
  try {
    proto = onnx.ModelProto.decode(bytes);
  } catch (cause) {
    const message = (cause as Error).message;
    const details = /index out of range/.test(message)
      ? `the file ends too early or is not ONNX (${bytes.length} bytes, ${message}): copy or export it again`
      : `it is not an ONNX file (${message}): expected a file as ultralytics exports it with format=onnx`;
    throw badModel(label, details, cause);
  }
  const graph = proto.graph;
  if (!graph || !graph.node?.length) {
    throw badModel(
      label,
      "it is not an ONNX file, or its graph is empty: expected a file as ultralytics exports it with format=onnx",
    );
  }
  const initializers = new Map<string, OnnxTensor>();
  for (const tensor of graph.initializer ?? []) {
    const plain = plainTensor(tensor, label, external);
    initializers.set(plain.name, plain);
  }
  if (graph.sparseInitializer?.length) {
    throw badModel(label, "it holds sparse weights: expected dense ones, export it again without");
  }
  const opsets = (proto.opsetImport ?? []).map((set) =>
    [set.domain ?? "", toNumber(set.version)] as const
  );
  return {
    irVersion: toNumber(proto.irVersion),
    producer: [proto.producerName, proto.producerVersion].filter((text) => text).join(" "),
    opset: opsets.find(([domain]) => domain === "" || domain === "ai.onnx")?.[1] ?? 1,
    otherOpsets: new Map(opsets.filter(([domain]) => domain !== "" && domain !== "ai.onnx")),
    metadata: new Map(
      (proto.metadataProps ?? []).map((pair) => [pair.key ?? "", pair.value ?? ""]),
    ),
    graphName: graph.name ?? "",
    nodes: graph.node.map((node) => plainNode(node, label, external)),
    initializers,
    inputs: (graph.input ?? []).filter((value) => !initializers.has(value.name ?? "")).map(
      plainValue,
    ),
    outputs: (graph.output ?? []).map(plainValue),
  };
}

/**
 * Returns the bytes of an ONNX file that holds the model; throws `TypeError` for tensors of text.
 */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const proto = onnx.ModelProto.create({
    irVersion: model.irVersion,
    producerName: model.producer,
    opsetImport: [
      { domain: "", version: model.opset },
      ...[...model.otherOpsets].map(([domain, version]) => ({ domain, version })),
    ],
    metadataProps: [...model.metadata].map(([key, value]) => ({ key, value })),
    graph: {
      name: model.graphName,
      node: model.nodes.map((node) => ({
        name: node.name,
        opType: node.opType,
        domain: node.domain,
        input: node.inputs,
        output: node.outputs,
        attribute: [...node.attributes].map(([name, value]) => protoAttribute(name, value)),
      })),
      initializer: [...model.initializers.values()].map(protoTensor),
      input: model.inputs.map(protoValue),
      output: model.outputs.map(protoValue),
    },
  });
  return Uint8Array.from(onnx.ModelProto.encode(proto).finish());
}

/**
 * Returns the elements of a float, float16, bfloat16 or double tensor as float64 numbers; throws
 * `TypeError` for other types.
 */
export function floatsOf(tensor: OnnxTensor): number[] {
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  const count = elementCount(tensor.dims);
  switch (tensor.dataType) {
    case DATA_TYPE.float:
      return Array.from({ length: count }, (_, i) => view.getFloat32(4 * i, true));
    case DATA_TYPE.double:
      return Array.from({ length: count }, (_, i) => view.getFloat64(8 * i, true));
    case DATA_TYPE.float16:
      return Array.from({ length: count }, (_, i) => halfToNumber(view.getUint16(2 * i, true)));
    case DATA_TYPE.bfloat16:
      return Array.from({ length: count }, (_, i) => bfloat16ToNumber(view.getUint16(2 * i, true)));
    default:
      throw new TypeError(`Expected a tensor of floats, got data type ${tensor.dataType}`);
  }
}

/**
 * Returns the elements of an int32 or int64 tensor as numbers; throws `TypeError` for other types.
 */
export function intsOf(tensor: OnnxTensor): number[] {
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  const count = elementCount(tensor.dims);
  switch (tensor.dataType) {
    case DATA_TYPE.int64:
      return Array.from({ length: count }, (_, i) => Number(view.getBigInt64(8 * i, true)));
    case DATA_TYPE.int32:
      return Array.from({ length: count }, (_, i) => view.getInt32(4 * i, true));
    default:
      throw new TypeError(`Expected a tensor of integers, got data type ${tensor.dataType}`);
  }
}

/** Returns a float32 tensor of the values, row-major. */
export function floatTensor(name: string, dims: number[], values: ArrayLike<number>): OnnxTensor {
  const data = new Uint8Array(4 * values.length);
  const view = new DataView(data.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i], true);
  return { name, dims, dataType: DATA_TYPE.float, data };
}

/** Returns an int64 tensor of the values, row-major. */
export function intTensor(name: string, dims: number[], values: ArrayLike<number>): OnnxTensor {
  const data = new Uint8Array(8 * values.length);
  const view = new DataView(data.buffer);
  for (let i = 0; i < values.length; i++) view.setBigInt64(8 * i, BigInt(values[i]), true);
  return { name, dims, dataType: DATA_TYPE.int64, data };
}

/** Returns how many elements a tensor of these dimensions has; 1 for a scalar. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Returns the number that an IEEE 754 binary16 bit pattern stands for. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Returns the number that a bfloat16 bit pattern stands for: the upper half of a float32. */
function bfloat16ToNumber(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint16(0, bits);
  return view.getFloat32(0);
}

/**
 * Returns what the bytes are when they are plainly not ONNX, with advice; null when they may be
 * ONNX.
 */
function nameForeignFormat(bytes: Uint8Array): string | null {
  if (bytes.length === 0) return "the file is empty (0 bytes): copy or export it again";
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 64));
  if (head.startsWith("PK\x03\x04") || head.startsWith("\x80\x02")) {
    return "it is a PyTorch checkpoint (.pt) and not ONNX: rename it to .pt and give it to --model, or export it with `yolo export model=FILE.pt format=onnx`";
  }
  if (head.startsWith("version https://git-lfs")) {
    return "it is a Git LFS pointer and not the model itself: run `git lfs pull`";
  }
  if (head.startsWith("7767517")) {
    return "it is an ncnn .param file and not ONNX: give the ONNX file that it was made from";
  }
  if (/^\s*<(!doctype|html|\?xml)/i.test(head)) {
    return "it is a web page and not ONNX: the download went wrong, fetch the file again";
  }
  if (head.slice(4, 8) === "TFL3") {
    return "it is a TFLite file and not ONNX: export it with format=onnx";
  }
  return null;
}

type TensorProto =
  | InstanceType<typeof onnx.TensorProto>
  | Parameters<typeof onnx.TensorProto.create>[0];

function plainTensor(
  proto: NonNullable<TensorProto>,
  label: string,
  external: (location: string) => Uint8Array | null,
): OnnxTensor {
  const name = proto.name ?? "";
  const dims = (proto.dims ?? []).map(toNumber);
  const dataType = proto.dataType ?? 0;
  const count = elementCount(dims);
  let data: Uint8Array;
  if (proto.dataLocation === 1 || proto.externalData?.length) {
    const entries = new Map((proto.externalData ?? []).map((pair) => [pair.key, pair.value]));
    const location = entries.get("location") ?? "";
    const file = external(location);
    if (file === null) {
      throw badModel(
        label,
        `its weights lie in another file, "${location}", which is not beside it: copy that file as well, or export again into one file`,
      );
    }
    const offset = Number(entries.get("offset") ?? 0);
    const length = Number(entries.get("length") ?? file.length - offset);
    data = file.slice(offset, offset + length);
  } else if (proto.rawData?.length) {
    data = Uint8Array.from(proto.rawData);
  } else {
    data = packTypedFields(proto, dataType);
  }
  const expected = Math.ceil(count * (ELEMENT_BYTES[dataType] ?? NaN));
  if (!Number.isNaN(expected) && data.length !== expected) {
    throw badModel(
      label,
      `tensor "${name}" has ${data.length} bytes, expected ${expected} for [${
        dims.join(", ")
      }]: the file is damaged, copy or export it again`,
    );
  }
  return { name, dims, dataType, data };
}

/**
 * Returns the elements of a tensor that came in a typed field (`float_data`, …) as little-endian
 * bytes; none for types whose size is not known here. Source: `onnx/onnx.proto`, `TensorProto` (two
 * elements of four bits are one entry of `int32_data`).
 */
function packTypedFields(proto: NonNullable<TensorProto>, dataType: number): Uint8Array {
  if (ELEMENT_BYTES[dataType] === undefined) return new Uint8Array(0);
  const size = Math.ceil(ELEMENT_BYTES[dataType]);
  const pack = <T>(values: readonly T[], put: (view: DataView, at: number, value: T) => void) => {
    const data = new Uint8Array(size * values.length);
    const view = new DataView(data.buffer);
    values.forEach((value, i) => put(view, size * i, value));
    return data;
  };
  switch (dataType) {
    case DATA_TYPE.float:
      return pack(proto.floatData ?? [], (view, at, value) => view.setFloat32(at, value, true));
    case DATA_TYPE.double:
      return pack(proto.doubleData ?? [], (view, at, value) => view.setFloat64(at, value, true));
    case DATA_TYPE.int64:
      return pack(
        proto.int64Data ?? [],
        (view, at, value) => view.setBigInt64(at, BigInt(value.toString()), true),
      );
    case DATA_TYPE.uint32:
    case DATA_TYPE.uint64:
      return pack(proto.uint64Data ?? [], (view, at, value) => {
        if (size === 4) view.setUint32(at, toNumber(value), true);
        else view.setBigUint64(at, BigInt(value.toString()), true);
      });
    default:
      return pack(proto.int32Data ?? [], (view, at, value) => {
        if (size === 4) view.setInt32(at, value, true);
        else if (size === 2) view.setUint16(at, value & 0xffff, true);
        else view.setUint8(at, value & 0xff);
      });
  }
}

function protoTensor(tensor: OnnxTensor) {
  if (tensor.dataType === DATA_TYPE.string) {
    throw new TypeError(`Cannot write tensor "${tensor.name}": tensors of text are not supported`);
  }
  const { name, dims, dataType, data } = tensor;
  return { name, dims, dataType, rawData: data };
}

type NodeProto = Parameters<typeof onnx.NodeProto.create>[0];

function plainNode(
  proto: NonNullable<NodeProto>,
  label: string,
  external: (location: string) => Uint8Array | null,
): OnnxNode {
  const attributes = new Map<string, OnnxAttribute>();
  for (const attribute of proto.attribute ?? []) {
    attributes.set(attribute.name ?? "", plainAttribute(attribute, label, external));
  }
  return {
    name: proto.name ?? "",
    opType: proto.opType ?? "",
    domain: proto.domain ?? "",
    inputs: [...(proto.input ?? [])],
    outputs: [...(proto.output ?? [])],
    attributes,
  };
}

type AttributeProto = NonNullable<Parameters<typeof onnx.AttributeProto.create>[0]>;

function plainAttribute(
  proto: AttributeProto,
  label: string,
  external: (location: string) => Uint8Array | null,
): OnnxAttribute {
  const text = (bytes: Uint8Array | null | undefined) =>
    new TextDecoder().decode(bytes ?? new Uint8Array());
  switch (proto.type) {
    case 1:
      return { type: "float", value: proto.f ?? 0 };
    case 2:
      return { type: "int", value: toNumber(proto.i) };
    case 3:
      return { type: "string", value: text(proto.s) };
    case 4:
      return { type: "tensor", value: plainTensor(proto.t ?? {}, label, external) };
    case 6:
      return { type: "floats", value: [...(proto.floats ?? [])] };
    case 7:
      return { type: "ints", value: (proto.ints ?? []).map(toNumber) };
    case 8:
      return { type: "strings", value: (proto.strings ?? []).map(text) };
    default:
      return { type: "other", value: proto };
  }
}

function protoAttribute(name: string, attribute: OnnxAttribute): AttributeProto {
  const bytes = (text: string) => new TextEncoder().encode(text);
  switch (attribute.type) {
    case "float":
      return { name, type: 1, f: attribute.value };
    case "int":
      return { name, type: 2, i: attribute.value };
    case "string":
      return { name, type: 3, s: bytes(attribute.value) };
    case "tensor":
      return { name, type: 4, t: protoTensor(attribute.value) };
    case "floats":
      return { name, type: 6, floats: attribute.value };
    case "ints":
      return { name, type: 7, ints: attribute.value };
    case "strings":
      return { name, type: 8, strings: attribute.value.map(bytes) };
    case "other":
      return attribute.value as AttributeProto;
  }
}

type ValueProto = NonNullable<Parameters<typeof onnx.ValueInfoProto.create>[0]>;

function plainValue(proto: ValueProto): OnnxValue {
  const tensor = proto.type?.tensorType;
  return {
    name: proto.name ?? "",
    dataType: tensor?.elemType ?? 0,
    dims: tensor?.shape
      ? (tensor.shape.dim ?? []).map((dim) =>
        dim.dimParam
          ? dim.dimParam
          : dim.dimValue === null || dim.dimValue === undefined
          ? null
          : toNumber(dim.dimValue)
      )
      : null,
  };
}

function protoValue(value: OnnxValue): ValueProto {
  return {
    name: value.name,
    type: {
      tensorType: {
        elemType: value.dataType,
        shape: value.dims === null ? null : {
          dim: value.dims.map((dim) =>
            typeof dim === "number" ? { dimValue: dim } : dim === null ? {} : { dimParam: dim }
          ),
        },
      },
    },
  };
}

/** Returns the number that protobufjs gives as a `Long`, a number or nothing (0). */
function toNumber(value: { toString(): string } | number | null | undefined): number {
  return value === null || value === undefined ? 0 : Number(value.toString());
}
