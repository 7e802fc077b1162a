// @ts-check
/// <reference lib="dom" />
/**
 * How to make the run again: its command, its raw samples, and its percentiles taken from them
 * anew.
 *
 * @module
 */
import { el } from "./dom.js";
import { section } from "./sections.js";
import { count } from "./numbers.js";
import { plain, shellLine } from "./labels.js";
import { reportWithSamples, SAMPLE_STAGES, samplesCsv } from "./samples.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("../../harness/report/page_data.ts").RawBlock} RawBlock */
/** @typedef {import("../../harness/report/report_json.ts").Report} Report */

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
 * A button that takes all percentiles of the table from the raw samples again, and says how many
 * agree.
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
 * Returns how many percentiles of the variants agree (to a nanosecond, or to one part in 10⁹) with
 * those of the raw samples, and which do not.
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
 * Linear interpolation between order statistics (Hyndman and Fan's definition 7), as the harness
 * takes it.
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
