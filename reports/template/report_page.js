// @ts-check
/// <reference lib="dom" />
/**
 * The report's page, drawn from the data inside of it.
 *
 * @module
 */
import { el } from "./dom.js";
import { contextOf } from "./context.js";
import { plain } from "./labels.js";
import { forgetFigures } from "./figure.js";
import { fillAfterPaint } from "./sections.js";
import { initialLanguage, setDocument, topBar, watchPrinterAndTheme } from "./shell.js";
import { heroSection, warningsPart } from "./hero_section.js";
import { initialTableChoices, variantTable } from "./variant_table.js";
import { latencySection } from "./latency_section.js";
import { fpsSection, stageSection } from "./speed_section.js";
import { coldSection } from "./cold_section.js";
import { timelineSection } from "./timeline_section.js";
import { accuracySection, paritySection } from "./parity_section.js";
import { gallerySection } from "./gallery_section.js";
import { graphSection } from "./graph_section.js";
import { layerSection } from "./layer_section.js";
import { dominanceSection, rankingSection, sustainedSection } from "./comparison_section.js";
import { explainSection, tuneSection } from "./tune_section.js";
import { tradeoffSection } from "./tradeoff_section.js";
import { environmentSection } from "./environment_section.js";
import { reproduceSection } from "./reproduce_section.js";
import { benchncnnSection, failureSection, glossarySection } from "./run_section.js";

/** @typedef {import("../../harness/report/page_data.ts").PageData} PageData */
/** @typedef {import("../../harness/report/page_data.ts").RawBlock} RawBlock */
/** @typedef {import("./context.js").Choices} Choices */

/** @param {string} id */
function embedded(id) {
  return JSON.parse(document.getElementById(id)?.textContent ?? "null");
}

/** Draws the page and keeps it in step with the reader's choices. */
export function startReportPage() {
  const page = /** @type {PageData} */ (embedded("page-data"));
  /** @type {Choices} */
  const choices = { language: initialLanguage(), device: null };
  const tableChoices = initialTableChoices();
  const root = /** @type {HTMLElement} */ (document.getElementById("root"));

  const draw = (/** @type {() => void} */ done = () => {}) => {
    const context = contextOf(page, choices);
    const { t } = context;
    // the height is read before anything changes, so that it costs no layout of what is about to go
    const heightPx = root.scrollHeight;
    forgetFigures(root);
    root.replaceChildren();
    setDocument(choices.language, t("page.title", { run: plain(page.report.runId, 60) }));
    const table = el(
      "section",
      { id: "variants", "aria-label": t("table.title") },
      variantTable(context, tableChoices),
    );
    const sections = [
      tuneSection(context),
      explainSection(context),
      rankingSection(context),
      dominanceSection(context),
      sustainedSection(context),
      failureSection(context),
      latencySection(context),
      fpsSection(context),
      stageSection(context),
      coldSection(context),
      timelineSection(context),
      paritySection(context),
      gallerySection(context),
      accuracySection(context),
      tradeoffSection(context),
      graphSection(context),
      layerSection(context),
      benchncnnSection(context),
      environmentSection(context),
      reproduceSection(context, () => /** @type {RawBlock} */ (embedded("raw-data"))),
      glossarySection(context),
    ].filter((section) => section !== null);
    const links = sections.map((
      section,
    ) => /** @type {[string, string]} */ ([
      section.id,
      section.querySelector("h2")?.textContent ?? "",
    ]));
    const bar = topBar(choices.language, {
      title: el("bdi", {}, plain(page.report.runId, 60)),
      chooser: deviceChooser(context, (device) => {
        choices.device = device;
        redraw("device");
      }),
      onLanguage: (language) => {
        choices.language = language;
        redraw(null);
        root.querySelector("button[data-language]")?.scrollIntoView({ block: "nearest" });
        /** @type {HTMLElement | null} */ (root.querySelector("button[data-language]"))?.focus();
      },
    });
    const main = el(
      "main",
      { id: "main", "aria-busy": "true" },
      heroSection(context),
      warningsPart(context),
      table,
      el(
        "nav",
        { class: "contents", "aria-label": t("bar.sections") },
        links.map(([id, text]) => el("a", { href: `#${id}` }, text)),
      ),
      ...sections,
    );
    // holds the place of what is filled in later, so that the reader's place in the page stays
    main.style.minHeight = `${heightPx}px`;
    root.replaceChildren(bar, main, el("footer", {}, t("footer.made"), " ", t("footer.offline")));
    fillAfterPaint(() => {
      main.style.minHeight = "";
      main.setAttribute("aria-busy", "false");
      done();
    });
  };
  const redraw = (/** @type {string | null} */ focusId) => {
    const { scrollY } = globalThis;
    draw();
    scrollTo(0, scrollY);
    if (focusId !== null) document.getElementById(focusId)?.focus();
  };
  // the section of the address was not there yet when the browser looked for it
  draw(() => document.getElementById(location.hash.slice(1))?.scrollIntoView());
  watchPrinterAndTheme();
}

/**
 * @param {import("./context.js").Context} context
 * @param {(serial: string | null) => void} choose
 */
function deviceChooser({ t, serials, deviceName, choices, severalDevices }, choose) {
  if (!severalDevices) return null;
  const select = el(
    "select",
    { id: "device", onchange: () => choose(select.value === "" ? null : select.value) },
    el("option", { value: "" }, t("bar.allDevices", { n: serials.length })),
    serials.map((serial) => el("option", { value: serial }, deviceName(serial))),
  );
  select.value = choices.device ?? "";
  return el("label", { class: "device-choice" }, t("column.device"), select);
}
