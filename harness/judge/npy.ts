/**
 * NumPy's array files → shape and values: pure.
 *
 * Format: NEP 1, versions 1.0 to 3.0: magic, version, length of a header that is a Python literal,
 * values in the machine's order.
 *
 * @module
 */

/** An array with its sizes, outermost first. */
export interface SizedArray {
  shape: number[];
  values: Float32Array;
}

/** How many bytes a value takes, and how one is read. */
const TYPES: Record<string, { bytes: number; read(view: DataView, at: number): number }> = {
  "<f4": { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  "<f8": { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  "<f2": { bytes: 2, read: (view, at) => halfOf(view.getUint16(at, true)) },
  "|u1": { bytes: 1, read: (view, at) => view.getUint8(at) },
  "<i4": { bytes: 4, read: (view, at) => view.getInt32(at, true) },
};

/** `\x93NUMPY`. */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Returns the array; throws `RangeError` that says what is wrong with the bytes. */
export function parseNpy(bytes: Uint8Array): SizedArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || MAGIC.some((byte, at) => bytes[at] !== byte)) {
    throw new RangeError("it is no .npy file");
  }
  const isLong = bytes[6] >= 2;
  const start = isLong ? 12 : 10;
  const length = isLong ? view.getUint32(8, true) : view.getUint16(8, true);
  if (start + length > bytes.length) throw new RangeError("its header is cut off");
  const header = new TextDecoder("latin1").decode(bytes.subarray(start, start + length));
  const descr = /'descr':\s*'([^']+)'/.exec(header)?.[1] ?? "";
  const shapeText = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  const type = Object.hasOwn(TYPES, descr) ? TYPES[descr] : undefined;
  if (type === undefined || shapeText === undefined) {
    throw new RangeError(
      `its type is ${descr || "unknown"}, expected one of ${Object.keys(TYPES).join(", ")}`,
    );
  }
  if (/'fortran_order':\s*True/.test(header)) {
    throw new RangeError("its order is Fortran's: save numpy.ascontiguousarray of it");
  }
  const shape = (shapeText.match(/\d+/g) ?? []).map(Number);
  const count = shape.reduce((product, size) => product * size, 1);
  const data = start + length;
  if (bytes.length - data !== count * type.bytes) {
    throw new RangeError(
      `it has ${bytes.length - data} bytes of values, expected ${count * type.bytes} for [${
        shape.join(", ")
      }]`,
    );
  }
  return {
    shape,
    values: Float32Array.from({ length: count }, (_, i) => type.read(view, data + i * type.bytes)),
  };
}

function halfOf(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
