/**
 * A variant's manifest for tests; the files that it names do not exist.
 *
 * @module
 */
import { YOLOV8 } from "../../record/head_code.ts";
import { NO_SETTINGS } from "../../record/run_settings.ts";
import {
  type Head,
  MANIFEST_VERSION,
  type OutputBlob,
  variantId,
  type VariantManifest,
} from "../../record/variant.ts";

const FILE = { file: "x", bytes: 1, sha256: "0".repeat(64) };

/** Returns the outputs of a head with three levels, with or without keypoints. */
export function outputsOf(head: Head, keypointCount = 17): OutputBlob[] {
  switch (head) {
    case "decoded":
      return [{ blob: "out0", role: "decoded", stride: null }];
    case "raw":
      return [8, 16, 32].map((stride, index) => ({ blob: `out${index}`, role: "raw", stride }));
    case "raw-nchw":
      return [8, 16, 32].flatMap((stride, level) =>
        (["box", "cls", "kpt"] as const).slice(0, keypointCount > 0 ? 3 : 2).map((role, index) => ({
          blob: `out${3 * level + index}`,
          role,
          stride,
        }))
      );
  }
}

/** Returns a manifest with the changes. */
export function testManifest(changes: Partial<VariantManifest> = {}): VariantManifest {
  const key = {
    model: "made-up",
    activation: "silu" as const,
    speedOnly: false,
    head: changes.head ?? "raw" as const,
    branch: "o2m" as const,
    precision: "fp32" as const,
    shape: { mode: "fixed" as const, widthPx: 160, heightPx: 96 },
    converter: "pnnx" as const,
    settings: NO_SETTINGS,
  };
  return {
    schemaVersion: MANIFEST_VERSION,
    ...key,
    id: variantId(key),
    origin: "converted",
    swapped: false,
    classCount: 1,
    keypointCount: 17,
    keypointDims: 3,
    strides: [8, 16, 32],
    regMax: 16,
    names: null,
    keypointNames: null,
    headCode: YOLOV8,
    decode: null,
    source: {
      path: "x.onnx",
      sha256: FILE.sha256,
      bytes: 1,
      opset: 11,
      producer: "test",
      inputWidthPx: 640,
      inputHeightPx: 640,
    },
    param: { ...FILE, layers: 1, blobs: 1, fusedActivations: 0 },
    bin: FILE,
    referenceOnnx: FILE,
    inputBlob: "in0",
    outputs: outputsOf(key.head, changes.keypointCount),
    parameterCount: 1,
    macs: 1,
    tools: {},
    logs: [],
    passes: [],
    warnings: [],
    ...changes,
  };
}
