/**
 * Parameters that a layer of ncnn takes as something else than they are written as: pure.
 *
 * @module
 */
import { LAYER_PARAMS, NET_PARAMS, type ParamKind } from "./layer_params.ts";
import { type Effect, quoted, type ReadNumber, type ReadValue } from "./loader_values.ts";

/** Notes parameters that the layer takes as something else than they are written as. */
export function checkKinds(
  layer: { type: string; name: string; params: ReadonlyMap<number, ReadValue> },
  note: (effect: Effect, message: string) => void,
): void {
  const kinds = LAYER_PARAMS.get(layer.type);
  const what = `${layer.type} ${quoted(layer.name)}`;
  for (const [id, value] of layer.params) {
    const kind = kinds?.get(id) ?? NET_PARAMS.get(id);
    if (kind === undefined) {
      note("unread", `${what} has parameter ${id}, which ncnn's ${layer.type} doesn't read`);
      continue;
    }
    const wrong = misreadAs(value, kind);
    if (wrong !== null) note("misread", `parameter ${id} of ${what} ${wrong}`);
  }
}

/** From here on whole numbers are the bits of a float, as some converters write them. */
const SMALLEST_BITS = 2 ** 23;

function misreadAs(value: ReadValue, kind: ParamKind): string | null {
  if (kind === "text") {
    return value.kind === "text"
      ? null
      : "is a number where a text is expected: it is read as none";
  }
  const wantsFloat = kind === "float" || kind === "floats";
  const isExchanged = ({ isFloat, value }: ReadNumber) =>
    value !== 0 && isFloat !== wantsFloat && (isFloat || Math.abs(value) < SMALLEST_BITS);
  if (kind === "int" || kind === "float") {
    if (value.kind === "text") return `is ${quoted(value.text)}, which ncnn reads as 0`;
    if (value.kind === "array") return "is an array, of which ncnn reads 0";
    return isExchanged(value.number) ? exchanged(value.number) : null;
  }
  if (value.kind !== "array") return "is no array, and ncnn reads it as an empty one";
  const wrong = value.numbers.find(isExchanged);
  return wrong === undefined ? null : `holds a value that ${exchanged(wrong)}`;
}

/** Says as what a number is read whose 32 bits are taken for the other kind. */
function exchanged({ isFloat, value }: ReadNumber): string {
  const bits = new DataView(new ArrayBuffer(4));
  if (isFloat) bits.setFloat32(0, value);
  else bits.setInt32(0, value);
  return isFloat
    ? `is written with a point (${value}) where ncnn expects a whole number: it reads ${
      bits.getInt32(0)
    }`
    : `is the whole number ${value} where ncnn expects a float: it reads ${
      bits.getFloat32(0).toPrecision(3)
    }, write ${value}.0`;
}
