/**
 * A variant → what to type into an app: options and constants as C++ for ncnn, and as JSON. Pure.
 *
 * @module
 */
import { PRECISIONS } from "../record/precision.ts";
import { shapeName, type VariantManifest } from "../record/variant.ts";

/** Settings of an app that runs the variant as it was measured; `settings.json` holds them. */
export interface AppSettings {
  param: string;
  bin: string;
  threads: number;
  /** ncnn's powersave mode; null where a mask takes its place. */
  powersave: number | null;
  /** CPUs, hexadecimal; null where a mode takes its place. */
  coreMask: string | null;
  /** Members of `ncnn::Option`, by name. */
  options: Record<string, boolean>;
  input: {
    blob: string;
    widthPx: number;
    heightPx: number;
    /** True when the short side is the multiple of 32 that the image needs. */
    isRectangle: boolean;
    /** Value of the padding around the image, before the scale. */
    padLevel: number;
    /** Every channel is multiplied by it; the order is R, G, B. */
    scale: number;
  };
  outputs: { blob: string; role: string; stride: number | null }[];
  head: {
    classes: number;
    keypoints: number;
    keypointDims: number;
    boxCode: string;
    /** Bins per side of a box; 1 for a code without bins. */
    bins: number;
    boxOrigin: number;
    keypointScale: number;
    keypointOrigin: number;
    selection: string;
  };
  scoreThreshold: number;
  /** Null for a head without NMS. */
  nmsIou: number | null;
  maxDetections: number;
}

/** How the variant was run. */
export interface RanWith {
  threads: number;
  powersave: number;
  coreMask: string | null;
  winograd: boolean;
  sgemm: boolean;
  packing: boolean;
  scoreThreshold: number;
  nmsIou: number;
  maxDetections: number;
}

/** Returns the settings of an app for a variant that ran with these options. */
export function appSettings(manifest: VariantManifest, ran: RanWith): AppSettings {
  const { headCode, shape } = manifest;
  const { switches } = PRECISIONS[manifest.precision];
  return {
    param: manifest.param.file,
    bin: manifest.bin.file,
    threads: ran.threads,
    powersave: ran.coreMask === null ? ran.powersave : null,
    coreMask: ran.coreMask,
    options: {
      use_winograd_convolution: ran.winograd,
      use_sgemm_convolution: ran.sgemm,
      use_packing_layout: ran.packing,
      use_fp16_packed: switches.fp16Packed,
      use_fp16_storage: switches.fp16Storage,
      use_fp16_arithmetic: switches.fp16Arithmetic,
      use_bf16_storage: switches.bf16Storage,
      use_int8_inference: switches.int8,
    },
    input: {
      blob: manifest.inputBlob,
      widthPx: shape.widthPx,
      heightPx: shape.heightPx,
      isRectangle: shape.mode === "rect",
      padLevel: 114,
      scale: 1 / 255,
    },
    outputs: manifest.outputs,
    head: {
      classes: manifest.classCount,
      keypoints: manifest.keypointCount,
      keypointDims: manifest.keypointDims,
      boxCode: headCode.box.code,
      bins: manifest.regMax,
      boxOrigin: headCode.box.origin,
      keypointScale: headCode.keypoint.scale,
      keypointOrigin: headCode.keypoint.origin,
      selection: headCode.select,
    },
    scoreThreshold: ran.scoreThreshold,
    nmsIou: headCode.select === "nms" ? ran.nmsIou : null,
    maxDetections: ran.maxDetections,
  };
}

/**
 * Returns the settings as C++17 for ncnn, with the constants of what stands before and after it.
 */
export function cppSnippet(settings: AppSettings, title: string): string {
  const { options, input, outputs, head } = settings;
  const cores = settings.coreMask === null
    ? [`    ncnn::set_cpu_powersave(${settings.powersave});`]
    : [
      "    ncnn::CpuSet cores;",
      "    cores.disable_all();",
      ...cpusOf(settings.coreMask).map((cpu) => `    cores.enable(${cpu});`),
      "    ncnn::set_cpu_thread_affinity(cores);",
    ];
  return `// ${title}
#include <net.h>
#include <cpu.h>

// Returns 0 when the network is loaded.
inline int load_pose(ncnn::Net& net)
{
${cores.join("\n")}
    ncnn::set_omp_num_threads(${settings.threads});
    net.opt.num_threads = ${settings.threads};
    net.opt.lightmode = true;
    net.opt.use_vulkan_compute = false;
${Object.entries(options).map(([name, on]) => `    net.opt.${name} = ${on};`).join("\n")}
    if (net.load_param("${settings.param}") != 0)
        return -1;
    return net.load_model("${settings.bin}");
}

// Input: ${
    input.isRectangle
      ? `the image scaled so that its long side is ${
        Math.max(input.widthPx, input.heightPx)
      }, each side padded to a multiple of 32`
      : `the image scaled into ${input.widthPx}x${input.heightPx}, keeping its aspect, centred`
  }; channels in the order R, G, B.
static const char* const POSE_INPUT = "${input.blob}";
static const int POSE_WIDTH = ${input.widthPx};
static const int POSE_HEIGHT = ${input.heightPx};
static const float POSE_PAD = ${input.padLevel}.f;
static const float POSE_SCALE[3] = {1 / 255.f, 1 / 255.f, 1 / 255.f};

// Outputs: ${
    outputs.map(({ role, stride }) => stride === null ? role : `${role} of stride ${stride}`).join(
      ", ",
    )
  }.
static const char* const POSE_OUTPUTS[] = {${outputs.map(({ blob }) => `"${blob}"`).join(", ")}};
static const int POSE_CLASSES = ${head.classes};
static const int POSE_KEYPOINTS = ${head.keypoints};
static const int POSE_KEYPOINT_DIMS = ${head.keypointDims};
static const int POSE_BINS = ${head.bins};
// A keypoint is (POSE_KEYPOINT_SCALE * k + cell + POSE_KEYPOINT_ORIGIN) * stride.
static const float POSE_KEYPOINT_SCALE = ${float(head.keypointScale)};
static const float POSE_KEYPOINT_ORIGIN = ${float(head.keypointOrigin)};
// A side of a box lies its distance from (cell + POSE_BOX_ORIGIN) * stride.
static const float POSE_BOX_ORIGIN = ${float(head.boxOrigin)};
static const float POSE_SCORE_THRESHOLD = ${float(settings.scoreThreshold)};
${
    settings.nmsIou === null
      ? `// No NMS: the best ${settings.maxDetections} are taken.`
      : `static const float POSE_NMS_IOU = ${float(settings.nmsIou)};`
  }
`;
}

function float(value: number): string {
  const text = String(value);
  return `${/[.e]/.test(text) ? text : `${text}.`}f`;
}

function cpusOf(mask: string): number[] {
  const bits = BigInt(`0x${mask}`).toString(2);
  return [...bits].reverse().flatMap((bit, cpu) => bit === "1" ? [cpu] : []);
}

/** Returns the title of the snippet. */
export function snippetTitle({ id, shape }: VariantManifest): string {
  return `${id}, input ${shapeName(shape)}: the settings that Posemark measured.`;
}
