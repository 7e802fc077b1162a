/**
 * An app's outputs against the model's on the app's own tensor.
 *
 * @module
 */
import { boxChannelCount } from "../head/box.ts";
import { logit } from "../head/exponential.ts";
import {
  type HeadSpec,
  type InputSize,
  isDecoded,
  placementOf,
  rawChannelCount,
} from "../head/head_spec.ts";
import { findLayout } from "../model/given/layout.ts";
import {
  type AppCase,
  type AppReference,
  type AppStageVerdict,
  notWritten,
  sizeOf,
  type Suspect,
  tensorOf,
} from "./app.ts";

/** Least agreement of outputs with the model's on the same tensor, in 16 bits too. */
const AGREEMENT = 0.999;

/** Raw blobs that people follow from, by picture; null where the app's outputs tell none. */
export type DecodedFrom = ReadonlyMap<string, Float32Array[] | null>;

/** Returns the verdict on the outputs that the app wrote, and the raw blobs that they hold. */
export async function judgeOutputs(
  cases: readonly AppCase[],
  reference: AppReference,
): Promise<{ verdict: AppStageVerdict; decodedFrom: DecodedFrom }> {
  const written = cases.filter(({ dump }) => dump.outputs.size > 0);
  if (written.length === 0) {
    return { verdict: notWritten("network", "outputs"), decodedFrom: new Map() };
  }
  const { raw } = reference;
  const tensors = written.map((each) => tensorOf(each, reference));
  const run = async (change: (tensor: Float32Array, i: number) => Float32Array) => {
    const runs = [];
    for (const [i, each] of written.entries()) {
      const input = sizeOf(each, reference);
      const blobs = new Map([...each.dump.outputs].map(([name, { values }]) => [name, values]));
      const rawBlobs = await reference.blobs(change(tensors[i], i), input);
      runs.push({ input, rawBlobs, blobs });
    }
    return { runs, found: findLayout(raw, runs) };
  };
  const { runs, found } = await run((tensor) => tensor);
  const decodedFrom = new Map(written.map(({ dump }, i) => [
    dump.imageId,
    "outputs" in found && !isDecoded({ ...raw, outputs: found.outputs })
      ? rawFrom({ ...raw, outputs: found.outputs }, raw, runs[i].blobs, runs[i].input)
      : null,
  ]));
  if ("outputs" in found && found.agreement >= AGREEMENT) {
    const reason = "the app's outputs are the model's on its own tensor";
    return { verdict: { stage: "network", verdict: "pass", reason, suspects: [] }, decodedFrom };
  }
  const suspects: Suspect[] = [];
  const suspect = async (
    name: string,
    text: string,
    change: (tensor: Float32Array, i: number) => Float32Array,
  ) => {
    const { found } = await run(change);
    if (!("outputs" in found) || found.agreement < AGREEMENT) return;
    suspects.push({ name, stage: "network", text, distance: 1 - found.agreement });
  };
  if (written.length > 1) {
    await suspect(
      "stale-outputs",
      "the outputs of the first picture come back for every one",
      () => tensors[0],
    );
    await suspect(
      "previous-outputs",
      "the outputs are those of the picture before",
      (_, i) => tensors[Math.max(0, i - 1)],
    );
  }
  const widthPx = sizeOf(written[0], reference).widthPx;
  await suspect(
    "shifted-input",
    "the network sees the tensor one pixel to the left",
    (tensor) => shiftedLeft(tensor, widthPx),
  );
  const agreement = "outputs" in found
    ? found.agreement
    : Math.max(0, ...found.guesses.map(({ agreement }) => agreement));
  const best = suspects[0]?.text;
  return {
    decodedFrom,
    verdict: {
      stage: "network",
      verdict: "fail",
      reason: `${
        best ?? "the app's network is another than the model: other weights, a layer, or overflow"
      }: its outputs agree to ${agreement.toFixed(3)} of 1 with the model's on the same tensor`,
      suspects: suspects.length > 0 ? suspects : [{
        name: "other-network",
        stage: "network",
        text: "the weights or the graph are not the model's",
        distance: 1 - agreement,
      }],
    },
  };
}

function shiftedLeft(tensor: Float32Array, widthPx: number): Float32Array {
  return tensor.map((value, at) => at % widthPx === widthPx - 1 ? value : tensor[at + 1]);
}

/** Returns the raw blobs that the app's outputs hold, whatever their layout. */
function rawFrom(
  spec: HeadSpec,
  raw: HeadSpec,
  blobs: ReadonlyMap<string, Float32Array>,
  input: InputSize,
): Float32Array[] {
  const own = spec.outputs.map(({ blob }) => blobs.get(blob)!);
  const cellsOf = (stride: number) => (input.widthPx / stride) * (input.heightPx / stride);
  const empty = raw.outputs.map(({ stride }) =>
    new Float32Array(cellsOf(stride!) * rawChannelCount(raw))
  );
  for (const kind of ["box", "cls", "kpt"] as const) {
    for (const stride of raw.strides) {
      const target = placementOf(raw, kind, stride, input);
      const isScore = kind === "cls" && placementOf(spec, "cls", stride, input) === null;
      const source = placementOf(spec, isScore ? "scores" : kind, stride, input);
      if (target === null || source === null) continue;
      const channels = kind === "box"
        ? boxChannelCount(raw)
        : kind === "cls"
        ? raw.classCount
        : raw.keypointCount * raw.keypointDims;
      for (let cell = 0; cell < cellsOf(stride); cell++) {
        for (let channel = 0; channel < channels; channel++) {
          const value = own[source.outputIndex][
            source.offset + cell * source.cellStep + channel * source.channelStep
          ];
          empty[target.outputIndex][
            target.offset + cell * target.cellStep + channel * target.channelStep
          ] = isScore ? logit(Math.min(Math.max(value, 1e-7), 1 - 1e-7)) : value;
        }
      }
    }
  }
  return empty;
}
