// @ts-check
/**
 * The raw samples inside of the page: decoding, and the report's JSON and CSV made from them.
 *
 * @module
 */

/** @typedef {import("../../harness/report/page_data.ts").RawBlock} RawBlock */
/** @typedef {import("../../harness/report/page_data.ts").PageData} PageData */
/** @typedef {import("../../harness/report/report_json.ts").Report} Report */

/** Stages of a sample, in the order of the pipeline; `total` is measured on its own. */
export const SAMPLE_STAGES = /** @type {const} */ ([
  "preprocess",
  "inference",
  "postprocess",
  "total",
]);

/**
 * Returns the integers that `encodeSamples` wrote (base64 of LEB128 of zigzag deltas). Throws
 * `Error` when the text ends within a number.
 *
 * @param {string} base64
 * @returns {number[]}
 */
export function decodeSamples(base64) {
  const bytes = atob(base64);
  const values = [];
  let previous = 0;
  let value = 0;
  let scale = 1;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes.charCodeAt(i);
    value += (byte % 128) * scale;
    if (byte >= 128) {
      scale *= 128;
      continue;
    }
    previous += value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    values.push(previous);
    value = 0;
    scale = 1;
  }
  if (scale !== 1) throw new Error("Cannot read the samples: the text ends within a number");
  return values;
}

/**
 * Returns the report with its launches and samples as `report.json` has them; a stage that is not
 * in the page has empty arrays.
 *
 * @param {PageData} page
 * @param {RawBlock} raw
 * @returns {Report}
 */
export function reportWithSamples(page, raw) {
  /** @type {Record<string, number[] | null>} */
  const streams = {};
  for (const stage of SAMPLE_STAGES) {
    const text = raw.stages[stage];
    streams[stage] = text === null ? null : decodeSamples(text);
  }
  let offset = 0;
  const launches = page.launches.map((launch, i) => {
    const images = raw.launches[i].images.map(([imageId, count]) => {
      const start = offset;
      offset += count;
      /** @param {string} stage */
      const part = (stage) => streams[stage]?.slice(start, start + count) ?? [];
      return {
        imageId,
        samplesNs: {
          preprocess: part("preprocess"),
          inference: part("inference"),
          postprocess: part("postprocess"),
          total: part("total"),
        },
      };
    });
    const { device, variantId, round, position, startedAt, marks, speed } = launch;
    const { stateBefore, stateAfter } = raw.launches[i];
    return {
      device,
      variantId,
      round,
      position,
      startedAt,
      marks,
      speed,
      stateBefore,
      stateAfter,
      images,
    };
  });
  return { ...page.report, launches };
}

/**
 * Returns a CSV field, quoted where RFC 4180 asks for it; a text that a spreadsheet would take for
 * a formula gets a leading quote mark.
 *
 * @param {string | number | null} value
 */
export function csvField(value) {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Returns one line per sample as CSV with a header (RFC 4180, CRLF), in pieces of at most some
 * thousand lines.
 *
 * @param {Report} report
 * @returns {string[]}
 */
export function samplesCsv(report) {
  const pieces = [
    "device,variantId,round,position,startedAt,imageId,iteration,preprocessNs,inferenceNs,postprocessNs,totalNs\r\n",
  ];
  for (const launch of report.launches) {
    const head = [launch.device, launch.variantId, launch.round, launch.position, launch.startedAt]
      .map(csvField).join(",");
    let piece = "";
    for (const { imageId, samplesNs } of launch.images) {
      const id = csvField(imageId);
      const count = Math.max(...SAMPLE_STAGES.map((stage) => samplesNs[stage].length));
      for (let i = 0; i < count; i++) {
        const row = SAMPLE_STAGES.map((stage) => samplesNs[stage][i] ?? "").join(",");
        piece += `${head},${id},${i},${row}\r\n`;
      }
    }
    pieces.push(piece);
  }
  return pieces;
}
