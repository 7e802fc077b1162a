// @ts-check
/// <reference lib="dom" />
/**
 * Devices, build, options and files of the run.
 *
 * @module
 */
import { dataTable, el, foreign } from "./dom.js";
import { section } from "./sections.js";
import { count, megabytes, MISSING, pxNumber, significant } from "./numbers.js";
import { plain } from "./labels.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("../../harness/report/report_json.ts").Report} Report */

/**
 * Returns the section on devices and build.
 *
 * @param {Context} context
 */
export function environmentSection(context) {
  const { t, report, deviceName } = context;
  const variants = [...new Map(report.variants.map((variant) => [variant.id, variant])).values()];
  return section("environment", t("environment.title"), () => [
    report.devices.map((device) =>
      el(
        "details",
        { class: "device", open: report.devices.length === 1 },
        el(
          "summary",
          {},
          foreign(deviceName(device.serial)),
          device.emulated ? ` (${t("mark.emulated")})` : "",
        ),
        facts([
          [t("environment.serial"), device.serial],
          [t("environment.soc"), device.soc],
          [t("environment.os"), device.os],
          [t("environment.build"), device.buildFingerprint],
          [t("environment.kernel"), device.kernel],
          ["ABI", device.abi],
          [t("environment.cores"), coreText(context, device)],
          [
            t("environment.memory"),
            device.memoryBytes === null ? null : `${significant(device.memoryBytes / 1e9, 3)} GB`,
          ],
          [t("environment.features"), device.cpuFeatures.join(" ")],
          [
            t("environment.rooted"),
            device.rooted === null ? null : t(device.rooted ? "yes" : "no"),
          ],
        ]),
      )
    ),
    el("h3", {}, t("environment.build.title")),
    facts(flat(report.harness)),
    el("h3", {}, t("environment.options")),
    facts(flat(report.options)),
    el("h3", {}, t("environment.files")),
    dataTable({
      caption: t("environment.files"),
      head: [
        t("column.variant"),
        "param",
        t("environment.weights"),
        t("environment.parameters"),
        "GMAC",
        t("environment.decode"),
        "sha256",
      ],
      numeric: [false, false, true, true, true, true, false],
      rows: variants.map((variant) => [
        foreign(plain(variant.id, 100)),
        foreign(plain(variant.variant.param.file, 60)),
        megabytes(variant.variant.bin.bytes),
        count(variant.variant.parameterCount),
        significant(variant.variant.macs / 1e9, 3),
        decodeGap(variant),
        el(
          "code",
          { class: "hash", title: variant.variant.bin.sha256 },
          variant.variant.bin.sha256.slice(0, 12),
        ),
      ]),
    }),
  ]);
}

/**
 * Returns the largest distance between what the model's own graph decodes and what is decoded from
 * its head here; files of earlier versions do not tell it.
 *
 * @param {Report["variants"][number]} variant
 */
function decodeGap({ variant: { decode } }) {
  if (!decode) return MISSING;
  const px = Math.max(decode.maxBoxPx, decode.maxKeypointPx ?? 0);
  return el("span", { title: plain(decode.notes.join("; "), 300) }, `${pxNumber(px)} px`);
}

/**
 * @param {Context} context
 * @param {Report["devices"][number]} device
 */
function coreText({ t }, { cores, bigCoreMask }) {
  if (cores.length === 0) return null;
  /** @type {Map<string, number>} */
  const kinds = new Map();
  for (const { maxFrequencyKHz, part } of cores) {
    const frequency = maxFrequencyKHz === null
      ? null
      : `${significant(maxFrequencyKHz / 1e6, 3)} GHz`;
    const kind = [part, frequency].filter((text) => text !== null).join(" ");
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const text = [...kinds].map(([kind, n]) => kind === "" ? String(n) : `${n} × ${kind}`).join(", ");
  return bigCoreMask === null ? text : `${text} (${t("environment.bigCores")} ${bigCoreMask})`;
}

/**
 * Names and values, those of objects one level down under `outer.inner`.
 *
 * @param {Record<string, unknown>} values
 * @returns {[string, string | null][]}
 */
function flat(values) {
  return Object.entries(values).flatMap(([key, value]) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.entries(value).map((
        [inner, each],
      ) => /** @type {[string, string | null]} */ ([`${key}.${inner}`, valueText(each)]))
      : [/** @type {[string, string | null]} */ ([key, valueText(value)])]
  );
}

/** @param {unknown} value */
function valueText(value) {
  if (value === null || value === undefined) return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** @param {[string, string | null][]} pairs */
function facts(pairs) {
  return el(
    "dl",
    { class: "facts" },
    pairs.flatMap(([name, value]) => [
      el("dt", {}, foreign(plain(name, 60))),
      el("dd", {}, value === null || value === "" ? MISSING : foreign(plain(value, 500))),
    ]),
  );
}
