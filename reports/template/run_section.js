// @ts-check
/// <reference lib="dom" />
/**
 * How the run was made and how to make it again: devices, build, command, raw samples, benchncnn, failures, glossary.
 *
 * @module
 */
import { dataTable, el, foreign } from "./dom.js";
import { section } from "./sections.js";
import { count, megabytes, MISSING, significant } from "./numbers.js";
import { plain, shellLine } from "./labels.js";
import { reportWithSamples, SAMPLE_STAGES, samplesCsv } from "./samples.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("../../harness/report/page_data.ts").RawBlock} RawBlock */
/** @typedef {import("../../harness/report/report_json.ts").Report} Report */

/**
 * Returns the section with launches that did not finish; null without any.
 *
 * @param {Context} context
 */
export function failureSection(context) {
  const { t, report, label, deviceName } = context;
  if (report.failures.length === 0) return null;
  return section(
    "failures",
    t("failures.title"),
    () => [
      el("p", {}, t("failures.intro", { n: report.failures.length })),
      dataTable({
        caption: t("failures.title"),
        head: [
          t("column.variant"),
          t("column.device"),
          t("round"),
          t("failures.code"),
          t("failures.message"),
        ],
        numeric: [false, false, true, false, false],
        rows: report.failures.slice(0, 100).map(({ variantId, device, round, code, message }) => [
          foreign(plain(label(variantId), 80)),
          foreign(deviceName(device)),
          round + 1,
          el("code", {}, plain(code, 60)),
          el("span", { class: "long" }, foreign(plain(message, 600))),
        ]),
      }),
    ],
  );
}

/**
 * Returns the section with benchncnn's figures; null when it did not run on this device.
 *
 * @param {Context} context
 */
export function benchncnnSection(context) {
  const { t, here, label } = context;
  const rows = here.filter(({ benchncnn }) => benchncnn !== null);
  if (rows.length === 0) return null;
  return section(
    "benchncnn",
    t("benchncnn.title"),
    () => [
      el("p", {}, t("benchncnn.intro")),
      dataTable({
        caption: t("benchncnn.title"),
        head: [
          t("column.variant"),
          t("benchncnn.ours"),
          t("benchncnn.avg"),
          t("benchncnn.min"),
          t("benchncnn.ratio"),
          t("benchncnn.rounds"),
          t("benchncnn.note"),
        ],
        numeric: [false, true, true, true, true, true, false],
        rows: rows.map(({ id, benchncnn, latencyNs }) => [
          foreign(label(id)),
          latencyNs === null ? MISSING : significant(latencyNs.inference.p50 / 1e6, 3),
          significant(benchncnn?.avgMs ?? NaN, 3),
          significant(benchncnn?.minMs ?? NaN, 3),
          significant(benchncnn?.ratio ?? NaN, 4),
          benchncnn?.rounds ?? MISSING,
          el("span", { class: "long" }, foreign(plain(benchncnn?.note ?? "", 300))),
        ]),
      }),
    ],
  );
}

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
        "sha256",
      ],
      numeric: [false, false, true, true, true, false],
      rows: variants.map((variant) => [
        foreign(plain(variant.id, 100)),
        foreign(plain(variant.param.file, 60)),
        megabytes(variant.weights.bytes),
        count(variant.parameterCount),
        significant(variant.macs / 1e9, 3),
        el(
          "code",
          { class: "hash", title: variant.weights.sha256 },
          variant.weights.sha256.slice(0, 12),
        ),
      ]),
    }),
  ]);
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

/**
 * Returns the section on how to make the run again, with the raw samples to download.
 *
 * @param {Context} context
 * @param {() => RawBlock} readRaw
 */
export function reproduceSection(context, readRaw) {
  const { t, report, page } = context;
  const command = report.command.map((word) => plain(word, 400));
  const code = el("code", {}, shellLine(command));
  const said = el("span", { role: "status", class: "said" });
  const { embedded, count: samples } = page.samples;
  const whole = embedded.length === SAMPLE_STAGES.length;
  const stamp = report.runId.replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 60) || "run";
  const full = () => reportWithSamples(page, readRaw());
  return section("reproduce", t("reproduce.title"), () => [
    el("p", {}, t("reproduce.intro")),
    el(
      "div",
      { class: "command" },
      el("pre", { tabindex: 0, role: "group", "aria-label": t("reproduce.command") }, code),
      el("button", {
        type: "button",
        onclick: async () => {
          try {
            await navigator.clipboard.writeText(code.textContent ?? "");
            said.textContent = t("reproduce.copied");
          } catch {
            getSelection()?.selectAllChildren(code);
            said.textContent = t("reproduce.selected");
          }
        },
      }, t("reproduce.copy")),
      said,
    ),
    el("h3", { id: "raw" }, t("raw.title")),
    el(
      "p",
      {},
      t(whole ? "raw.all" : embedded.length > 0 ? "raw.some" : "raw.none", {
        n: count(samples),
        stages: embedded.map((stage) => t(`stage.${stage}`)).join(", "),
      }),
    ),
    el(
      "div",
      { class: "downloads" },
      el("button", {
        type: "button",
        id: "download-json",
        onclick: () =>
          download(`posemark-${stamp}.json`, "application/json", [JSON.stringify(full())]),
      }, t("raw.json")),
      el("button", {
        type: "button",
        id: "download-csv",
        disabled: embedded.length === 0,
        onclick: () => download(`posemark-${stamp}.csv`, "text/csv", samplesCsv(full())),
      }, t("raw.csv")),
      embedded.length > 0 && recomputeButton(context, full),
    ),
  ]);
}

/**
 * A button that takes all percentiles of the table from the raw samples again, and says how many agree.
 *
 * @param {Context} context
 * @param {() => Report} full
 */
function recomputeButton(context, full) {
  const { t, page, report } = context;
  const result = el("p", { role: "status", class: "recomputed" });
  const button = el("button", {
    type: "button",
    id: "recompute",
    onclick: () => {
      const { agree, differ } = recompute(report.variants, full(), page.samples.embedded);
      result.textContent = differ.length === 0
        ? t("raw.agree", { n: agree })
        : t("raw.differ", { n: agree, m: differ.length, first: plain(differ[0], 120) });
    },
  }, t("raw.recompute"));
  return el("div", { class: "recompute" }, button, result);
}

/**
 * Returns how many percentiles of the variants agree (to a nanosecond, or to one part in 10⁹) with those of the raw samples, and which do not.
 *
 * @param {Report["variants"]} variants
 * @param {Report} full
 * @param {readonly ("preprocess" | "inference" | "postprocess" | "total")[]} stages
 * @returns {{ agree: number, differ: string[] }}
 */
export function recompute(variants, full, stages) {
  let agree = 0;
  /** @type {string[]} */
  const differ = [];
  for (const { id, device, latencyNs } of variants) {
    if (latencyNs === null) continue;
    const launches = full.launches.filter((launch) =>
      launch.device === device && launch.variantId === id
    );
    for (const stage of stages) {
      const sorted = Float64Array.from(
        launches.flatMap(({ images }) => images.flatMap(({ samplesNs }) => samplesNs[stage])),
      ).sort();
      for (
        const [name, p]
          of /** @type {["p50" | "p90" | "p99", number][]} */ ([["p50", 0.5], ["p90", 0.9], [
            "p99",
            0.99,
          ]])
      ) {
        const told = latencyNs[stage][name];
        if (sorted.length > 0 && Math.abs(quantile(sorted, p) - told) <= Math.max(1, told * 1e-9)) {
          agree++;
        } else differ.push(`${id} ${device} ${stage} ${name}`);
      }
    }
  }
  return { agree, differ };
}

/**
 * Linear interpolation between order statistics (Hyndman and Fan's definition 7), as the harness takes it.
 *
 * @param {Float64Array} sorted
 * @param {number} p
 */
function quantile(sorted, p) {
  const position = (sorted.length - 1) * p;
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
}

/**
 * @param {string} name
 * @param {string} type
 * @param {string[]} pieces
 */
function download(name, type, pieces) {
  const url = URL.createObjectURL(new Blob(pieces, { type }));
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * Returns the glossary.
 *
 * @param {Context} context
 */
export function glossarySection({ t }) {
  const words = [
    "round",
    "sample",
    "median",
    "p90",
    "interval",
    "ratio",
    "fps",
    "parity",
    "reference",
    "tolerance",
    "oks",
    "ap",
    "precision",
    "head",
    "decode",
    "letterbox",
    "fusion",
    "speedOnly",
    "base",
    "throttling",
  ];
  return section("glossary", t("glossary.title"), () => [el(
    "dl",
    { class: "glossary" },
    words.flatMap((word) => [
      el("dt", {}, t(`glossary.${word}`)),
      el("dd", {}, t(`glossary.${word}.is`)),
    ]),
  )]);
}
