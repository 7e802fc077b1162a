/**
 * Sizes and multiply-accumulates of ncnn's matrix products, attention among them: pure.
 *
 * Shapes are those of `ncnn_shapes.ts`. Source: ncnn at a4d2ea1d,
 * `src/layer/{matmul,gemm,multiheadattention,sdpa}.cpp`.
 *
 * @module
 */
import { elementCount } from "../onnx/onnx_file.ts";
import { numberParam, type ParamLayer } from "./param_file.ts";

/** What a product makes and costs. */
export interface ProductSize {
  shape: number[];
  /** Null when it depends on what runs before (a cache of keys and values). */
  macs: number | null;
}

/**
 * Returns the size of the layer's product; undefined for layers that are none, and when a shape
 * that it needs is not known.
 *
 * `bottoms` are the shapes of the layer's bottoms, outermost first.
 */
export function ncnnProduct(
  layer: ParamLayer,
  bottoms: readonly (readonly number[] | undefined)[],
): ProductSize | undefined {
  switch (layer.type) {
    case "MatMul":
      return matMul(layer, bottoms);
    case "Gemm":
      return gemm(layer, bottoms);
    case "MultiHeadAttention":
      return multiHeadAttention(layer, bottoms);
    case "SDPA":
      return scaledDotProduct(layer, bottoms);
    default:
      return undefined;
  }
}

type Shapes = readonly (readonly number[] | undefined)[];

function matMul(layer: ParamLayer, [a, b]: Shapes): ProductSize | undefined {
  if (!a || !b) return undefined;
  // a vector is a row on the left and a column on the right, and its axis is left out of the result
  const left = a.length === 1 ? [1, a[0]] : a;
  const isTransposed = numberParam(layer, 0, 0) !== 0;
  const right = b.length > 1 ? b : isTransposed ? [1, b[0]] : [b[0], 1];
  const [rows, depth] = left.slice(-2);
  const columns = right.at(isTransposed ? -2 : -1)!;
  const rank = Math.max(left.length, right.length) - 2;
  const batch = Array.from({ length: rank }, (_, i) => {
    const at = i - rank - 2;
    return Math.max(left.at(at) ?? 1, right.at(at) ?? 1);
  });
  const shape = [
    ...batch,
    ...(a.length > 1 ? [rows] : []),
    ...(b.length > 1 ? [columns] : []),
  ];
  return {
    shape: shape.length > 0 ? shape : [1],
    macs: elementCount(batch) * rows * columns * depth,
  };
}

function gemm(layer: ParamLayer, bottoms: Shapes): ProductSize | undefined {
  const get = (id: number) => numberParam(layer, id, 0);
  const [m, n, k] = [get(7), get(8), get(9)];
  const a = get(4) ? (get(2) ? [k, m] : [m, k]) : matrixOf(bottoms[0]);
  const b = get(5) ? (get(3) ? [n, k] : [k, n]) : matrixOf(bottoms[get(4) ? 0 : 1]);
  if (!a || !b) return undefined;
  const [rows, depth] = get(2) ? [a[1], a[0]] : a;
  const columns = get(3) ? b[0] : b[1];
  const [outer, inner] = get(14) ? [columns, rows] : [rows, columns];
  return { shape: get(11) ? [outer, 1, inner] : [outer, inner], macs: rows * columns * depth };
}

/** Returns rows and columns as Gemm takes them: three axes are channels by width. */
function matrixOf(shape: readonly number[] | undefined): number[] | undefined {
  return shape && [shape.length > 1 ? shape[0] : 1, shape[shape.length - 1]];
}

/**
 * Widths of the projections of a MultiHeadAttention: each of query, key and value goes to `embed`,
 * the result to `query`.
 */
export function attentionWidths(layer: ParamLayer) {
  const embed = numberParam(layer, 0, 0);
  return {
    embed,
    query: numberParam(layer, 2, 0) / embed,
    key: numberParam(layer, 3, embed),
    value: numberParam(layer, 4, embed),
  };
}

function multiHeadAttention(layer: ParamLayer, bottoms: Shapes): ProductSize | undefined {
  const { embed, query, key, value } = attentionWidths(layer);
  const isCached = numberParam(layer, 7, 0) !== 0;
  const blobs = layer.bottoms.length - (numberParam(layer, 5, 0) ? 1 : 0) - (isCached ? 2 : 0);
  const source = matrixOf(bottoms[0]);
  const target = matrixOf(bottoms[blobs > 1 ? 1 : 0]);
  if (!source) return undefined;
  const projections = (rows: number, columns: number) =>
    embed * (rows * 2 * query + columns * (key + value));
  const macs = isCached || !target
    ? null
    : projections(source[0], target[0]) + 2 * source[0] * target[0] * embed;
  return { shape: [source[0], query], macs };
}

function scaledDotProduct(layer: ParamLayer, [query, key, value]: Shapes): ProductSize | undefined {
  if (query?.length !== 3 || value?.length !== 3) return undefined;
  const [heads, rows, width] = query;
  const outWidth = value[2];
  const isCached = numberParam(layer, 7, 0) !== 0;
  const macs = isCached || key?.length !== 3 ? null : heads * rows * key[1] * (width + outWidth);
  return { shape: [heads, rows, outWidth], macs };
}
