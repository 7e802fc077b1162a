// @ts-check
/// <reference lib="dom" />
/**
 * The index of all runs in a folder, newest first.
 *
 * @module
 */
import { answerNodes, el, foreign } from "./dom.js";
import { plain } from "./labels.js";
import { dateText } from "./hero_section.js";
import { translate, translateRich } from "./translate.js";
import { initialLanguage, setDocument, topBar, watchPrinterAndTheme } from "./shell.js";

/** @typedef {import("../../harness/report/history.ts").RunIndex} RunIndex */
/** @typedef {import("../../harness/report/history.ts").RunIndexEntry} RunIndexEntry */

/** Draws the page and keeps it in step with the reader's choices. */
export function startIndexPage() {
  const index = /** @type {RunIndex} */ (JSON.parse(
    document.getElementById("page-data")?.textContent ?? "null",
  ));
  const root = /** @type {HTMLElement} */ (document.getElementById("root"));
  const choices = { language: initialLanguage(), search: "" };
  const draw = () => {
    const t = (
      /** @type {string} */ key,
      /** @type {Record<string, string | number>} */ values = {},
    ) => translate(choices.language, key, values);
    root.replaceChildren();
    setDocument(choices.language, t("index.title"));
    const list = el("ol", { class: "runs" });
    const status = el("p", { class: "count", role: "status" });
    const fill = () => {
      const words = choices.search.toLowerCase().split(/\s+/).filter((word) => word !== "");
      const shown = index.runs.filter((run) => {
        const text = `${run.runId} ${run.folder} ${run.createdAt} ${run.devices.join(" ")} ${
          run.answer.map(({ values }) => Object.values(values).join(" ")).join(" ")
        }`.toLowerCase();
        return words.every((word) => text.includes(word));
      });
      list.replaceChildren(...shown.map((run) => runItem(choices.language, run)));
      status.textContent = t("index.count", { shown: shown.length, all: index.runs.length });
    };
    const search = el("input", {
      type: "search",
      value: choices.search,
      oninput: () => {
        choices.search = search.value;
        fill();
      },
    });
    root.append(
      topBar(choices.language, {
        title: t("index.bar"),
        onLanguage: (language) => {
          choices.language = language;
          draw();
          /** @type {HTMLElement | null} */ (root.querySelector("button[data-language]"))?.focus();
        },
      }),
      el(
        "main",
        { id: "main", "aria-busy": "false" },
        el(
          "header",
          { class: "hero" },
          el("h1", { class: "answer" }, t("index.headline", { n: index.runs.length })),
        ),
        index.runs.length > 1 &&
          el("div", { class: "filters" }, el("label", {}, t("filter.search"), search)),
        list,
        status,
        index.unreadable.length > 0 &&
          el(
            "aside",
            { class: "warnings", "aria-label": t("warnings.title") },
            el("h2", {}, t("index.unreadable")),
            el(
              "ul",
              {},
              index.unreadable.map(({ folder, reason }) =>
                el(
                  "li",
                  {},
                  el("b", {}, foreign(plain(folder, 80))),
                  t("colon"),
                  foreign(plain(reason, 300)),
                )
              ),
            ),
          ),
      ),
      el("footer", {}, t("footer.offline")),
    );
    fill();
  };
  draw();
  watchPrinterAndTheme();
}

/**
 * @param {import("./translate.js").Language} language
 * @param {RunIndexEntry} run
 */
function runItem(language, run) {
  const t = (
    /** @type {string} */ key,
    /** @type {Record<string, string | number>} */ values = {},
  ) => translate(language, key, values);
  const sentence = run.answer.flatMap((part, i) => [
    ...(i === 0 ? [] : [document.createTextNode(t("answer.join"))]),
    ...answerNodes((key, values) => translateRich(language, key, values), part),
  ]);
  const bad = run.parityFailedCount + run.failureCount;
  return el(
    "li",
    { class: "run", "data-folder": run.folder },
    el(
      "a",
      { href: `${encodeURIComponent(run.folder)}/report.html` },
      foreign(plain(run.runId, 80)),
    ),
    el("time", { datetime: plain(run.createdAt, 40) }, dateText(run.createdAt)),
    el("p", { class: "sentence" }, sentence, t("answer.end")),
    el(
      "p",
      { class: "subject" },
      t("index.facts", {
        variants: run.variantCount,
        devices: run.devices.map((name) => plain(name, 60)).slice(0, 4).join(", ") +
          (run.devices.length > 4 ? " …" : ""),
        samples: run.sampleCount,
      }),
      run.warningCount > 0 &&
        el("span", { class: "mark warn" }, t("index.warnings", { n: run.warningCount })),
      bad > 0 && el("span", { class: "mark warn" }, t("index.failed", { n: bad })),
    ),
  );
}
