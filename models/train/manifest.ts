import type { Stage } from "./schedule.ts";

/** What is written beside each shipped model: `models/NAME.json`. */
export type ModelManifest = {
  schemaVersion: 1;
  name: string;
  description: string;
  /** File name of the ONNX model, in the manifest's folder. */
  file: string;
  sha256: string;
  sizeBytes: number;
  architecture: "yolov8n-pose";
  activation: Activation;
  inputShape: { widthPx: number; heightPx: number };
  classNames: string[];
  keypointCount: 17;
  keypointDims: 3;
  opset: number;
  weightStorage: "fp16";
  licence: "AGPL-3.0";
  trainedOn: {
    description: string;
    /** What was trained on one after the other, each stage from the weights of the one before. */
    stages: Stage[];
    seed: number;
    wallSeconds: number;
    ultralytics: string;
    torch: string;
  };
};

/** The activations that a model can be trained with. */
export const ACTIVATIONS = ["silu", "relu"] as const;

/** One of {@link ACTIVATIONS}. */
export type Activation = typeof ACTIVATIONS[number];
