// @ts-check
/**
 * What things are called in the page: a variant by what sets it apart from the others, a device by
 * its model.
 *
 * @module
 */
import { hasText } from "./translate.js";

/** @typedef {import("../../harness/report/report_json.ts").Report} Report */
/** @typedef {import("../../harness/report/report_json.ts").ReportVariant} ReportVariant */
/** @typedef {Pick<Report, "variants" | "devices" | "base">} Subject */

/**
 * Returns the text with every control, bidirectional and invisible character made visible as
 * `⟨U+202E⟩`, cut in the middle beyond `limit` characters: such texts come from devices and files,
 * and must not turn or hide what stands beside them.
 *
 * @param {string} text
 * @param {number} [limit]
 */
export function plain(text, limit = 400) {
  const characters = [...text];
  const short = characters.length <= limit
    ? text
    : `${characters.slice(0, Math.ceil(limit / 2)).join("")}…${
      characters.slice(-Math.floor(limit / 2)).join("")
    }`;
  return short.replace(
    // deno-lint-ignore no-control-regex
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\p{Surrogate}/gu,
    (c) => `⟨U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`,
  );
}

/**
 * Returns a joint's name in the language of the texts: one of COCO's 17, another as it is.
 *
 * @param {(key: string) => string} t
 * @param {string} name
 */
export function jointName(t, name) {
  const key = `joint.${name.replaceAll(" ", "_")}`;
  return hasText(key) ? t(key) : plain(name, 40);
}

/**
 * Returns the model's name without the activation in it, which stands in a label of its own:
 * `yolov8n-pose-relu` → `yolov8n-pose`.
 *
 * @param {string} model
 */
function modelStem(model) {
  const stem = model.replace(/[-_]?(silu|relu|hardswish)(?=[-_]|$)/gi, "");
  return stem === "" ? model : stem;
}

/**
 * Returns what sets variants apart, with the text of each: the model, and every axis.
 *
 * @param {ReportVariant[]} variants
 * @returns {[string, (variant: ReportVariant) => string][]}
 */
export function propertiesOf([first]) {
  const axes = /** @type {(keyof ReportVariant["labels"])[]} */ (Object.keys(first?.labels ?? {}));
  return [
    ["model", ({ variant }) => variant.model],
    ...axes.map(/** @returns {[string, (v: ReportVariant) => string]} */ (axis) => [
      axis,
      ({ labels }) => labels[axis],
    ]),
  ];
}

/**
 * Whether a property's text tells something: a dash says that there is nothing to tell.
 *
 * @param {string} text
 */
function isTelling(text) {
  return text !== "–";
}

/**
 * Whether the branches are worth a word: most models have the one-to-many branch alone.
 *
 * @param {readonly string[]} branches
 */
export function areBranchesTelling(branches) {
  return branches.some((branch) => branch !== "o2m");
}

/**
 * Returns the properties that all variants share, and a short label for each id made of those in
 * which they differ.
 *
 * Where that leaves two with the same label, the precision that was asked for, then the id, then a
 * number, tells them apart.
 *
 * @param {ReportVariant[]} variants
 * @returns {{ common: string[], byId: Map<string, string> }}
 */
export function variantLabels(variants) {
  const unique = [...new Map(variants.map((variant) => [variant.id, variant])).values()];
  const differs = (/** @type {(v: ReportVariant) => string} */ read) =>
    new Set(unique.map(read)).size > 1;
  // files that differ in the activation only are one model by name
  const stems = new Set(unique.map(({ variant }) => modelStem(variant.model)));
  const perActivation =
    new Set(unique.map(({ variant, activation }) => `${activation} ${variant.model}`)).size;
  const oneModel = stems.size === 1 &&
    perActivation === new Set(unique.map(({ activation }) => activation)).size;
  const properties = propertiesOf(unique);
  const name = (/** @type {string} */ model) => plain(oneModel ? modelStem(model) : model, 40);
  properties[0] = ["model", ({ variant }) => name(variant.model)];
  const varying = properties.filter(([, read]) => differs(read));
  const shown = varying.length > 0
    ? varying
    : properties.filter(([name]) => name === "activation" || name === "precision");
  const common = unique.length === 0
    ? []
    : properties.filter(([name, read]) =>
      !differs(read) && !shown.some(([other]) => other === name) &&
      (name !== "branch" || areBranchesTelling(unique.map(read)))
    )
      .map(([, read]) => read(unique[0])).filter(isTelling);
  const label = (/** @type {ReportVariant} */ variant) =>
    shown.map(([, read]) => read(variant)).filter(isTelling).join(" · ");
  /** @type {Map<string, number>} */
  const uses = new Map();
  for (const variant of unique) uses.set(label(variant), (uses.get(label(variant)) ?? 0) + 1);
  /** @type {Map<string, string>} */
  const byId = new Map();
  const taken = new Set();
  for (const variant of unique) {
    let text = label(variant);
    if ((uses.get(text) ?? 0) > 1) text += ` (${variant.precision.requested})`;
    if (taken.has(text)) text = plain(variant.id, 80);
    const shared = text;
    for (let number = 2; taken.has(text); number++) text = `${shared} #${number}`;
    taken.add(text);
    byId.set(variant.id, text);
  }
  return { common, byId };
}

/**
 * Returns the device's name: manufacturer and model, else the SoC, else the serial.
 *
 * @param {Report["devices"][number] | undefined} device
 * @param {string} serial
 */
export function deviceName(device, serial) {
  if (device === undefined) return plain(serial, 60);
  const { manufacturer, model, soc } = device;
  const parts = model === null ? [soc] : [
    manufacturer !== null && !model.toLowerCase().startsWith(manufacturer.toLowerCase())
      ? manufacturer
      : null,
    model,
  ];
  const name = parts.filter((part) => part !== null && part.trim() !== "").join(" ");
  return plain(name || serial, 60);
}

/**
 * Returns a name for each serial; where two devices have the same, the serial tells them apart.
 *
 * @param {Pick<Report, "devices" | "variants">} report
 * @returns {Map<string, string>}
 */
export function deviceNames(report) {
  const bySerial = new Map(report.devices.map((device) => [device.serial, device]));
  const serials = new Set([...bySerial.keys(), ...report.variants.map(({ device }) => device)]);
  const names = new Map([...serials].map((serial) => [
    serial,
    deviceName(bySerial.get(serial), serial),
  ]));
  const uses = new Map();
  for (const name of names.values()) uses.set(name, (uses.get(name) ?? 0) + 1);
  for (const [serial, name] of names) {
    if (uses.get(name) > 1) names.set(serial, `${name} (${plain(serial, 30)})`);
  }
  return names;
}

/**
 * Returns the words as a POSIX shell reads them back.
 *
 * @param {string[]} words
 */
export function shellLine(words) {
  return words.map((word) =>
    /^[A-Za-z0-9_\-+=./:,@%]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
  ).join(" ");
}
