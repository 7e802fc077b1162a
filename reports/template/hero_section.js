// @ts-check
/// <reference lib="dom" />
/**
 * The first screen: the answer in one sentence, its figures, and the warnings that could change it.
 *
 * @module
 */
import { answerNodes, el, english, foreign } from "./dom.js";
import { fps, ms, msBounds, px, ratioParts, score } from "./numbers.js";
import { plain } from "./labels.js";
import { answerFor, answerParts } from "./answer.js";
import { hasStates, ranParts, stateParts } from "./conditions.js";
import { hasText } from "./translate.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./dom.js").Child} Child */

/** Warnings that are shown without opening anything. */
const WARNINGS_SHOWN = 3;

/**
 * Returns the head of the page: sentence, what was compared, figures.
 *
 * @param {Context} context
 */
export function heroSection(context) {
  const { t, rich, report, page, common, device, deviceName, severalDevices } = context;
  const answer = answerFor(report, device);
  const sentenceOf = (/** @type {ReturnType<typeof answerParts>} */ parts) =>
    parts.map((part) => answerNodes(rich, part)).flatMap((nodes, i) =>
      i === 0 ? nodes : [t("answer.join"), ...nodes]
    );
  const parts = answerParts(report, answer);
  const besides = answer.kind === "none" ? [] : parts.filter(({ key }) => isAside(key));
  const sentence = sentenceOf(parts.filter((part) => !besides.includes(part)));
  const others = severalDevices ? otherDevices(context) : null;
  return el(
    "header",
    { class: "hero" },
    el("h1", { class: `answer ${answer.kind}` }, sentence, t("answer.end")),
    besides.map((part) => el("p", { class: "aside" }, sentenceOf([part]), t("answer.end"))),
    others,
    el(
      "p",
      { class: "subject" },
      common.length > 0 && [foreign(common.join(" · ")), " — "],
      t("hero.subject", {
        variants: new Set(report.variants.map(({ id }) => id)).size,
        devices: severalDevices
          ? t("hero.devices", { n: context.serials.length })
          : deviceName(device),
        images: report.images.length,
        samples: page.samples.count,
      }),
      " ",
      el("time", { datetime: plain(report.createdAt, 40) }, dateText(report.createdAt)),
    ),
    conditions(context),
    tiles(context, answer),
  );
}

/**
 * Returns a time of ISO 8601 in UTC as people read it; another text as it is.
 *
 * @param {string} text
 */
export function dateText(text) {
  const parts = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:[\d.]+)?Z$/.exec(text);
  return parts === null ? plain(text, 40) : `${parts[1]} ${parts[2]} UTC`;
}

/** Whether a part speaks of other variants than the answer's. @param {string} key */
function isAside(key) {
  return /^answer\.(worse|unjudged|failed|fasterSpeedOnly)/.test(key);
}

/** What ran, and the states of the machine. @param {Context} context */
function conditions({ t, rich, report, device }) {
  const ran = ranParts(report, device).map(({ key, values }) => t(key, values));
  const states = stateParts(report, device);
  if (ran.length === 0) return null;
  return [
    el("p", { class: "ran" }, ran.join(" · ")),
    states.length > 0 && el(
      "p",
      { class: hasStates(states) ? "states told" : "states" },
      states.flatMap(({ key, values }, i) =>
        i === 0 ? rich(key, values) : [" ", ...rich(key, values)]
      ),
    ),
  ];
}

/** @param {Context} context */
function otherDevices(context) {
  const { t, report, serials, label } = context;
  const answers = serials.map((serial) => answerFor(report, serial))
    .filter(({ ratio }) => ratio !== null);
  if (answers.length < 2) return null;
  const ratios = answers.map(({ ratio }) => ratio?.value ?? 1);
  const winners = [...new Set(answers.map(({ variant }) => variant?.id ?? ""))];
  return el(
    "p",
    { class: "others" },
    t("hero.range", {
      n: answers.length,
      low: ratioParts({ value: Math.min(...ratios), low: null, high: null }).value,
      high: ratioParts({ value: Math.max(...ratios), low: null, high: null }).value,
    }),
    " ",
    winners.length === 1 ? t("hero.sameWinner") : t("hero.differentWinners", {
      variants: winners.map((id) => plain(label(id), 60)).join(", "),
    }),
  );
}

/**
 * @param {Context} context
 * @param {import("./answer.js").Answer} answer
 */
function tiles({ t }, { variant, ratio }) {
  if (variant === null) return null;
  /** @type {[string, Child | Child[], Child][]} */
  const facts = [];
  if (ratio !== null) {
    const { value, bounds } = ratioParts(ratio);
    facts.push([
      t("tile.ratio"),
      `${value}×`,
      bounds === null ? t("tile.noInterval") : t("interval95", bounds),
    ]);
  }
  const bounds = variant.medianTotalNs === null ? null : msBounds(variant.medianTotalNs);
  facts.push([
    t("tile.median"),
    ms(variant.timeNs),
    bounds === null ? t("tile.noInterval") : t("interval95", bounds),
  ]);
  facts.push([
    t("tile.fps"),
    fps(variant.fps),
    t("tile.p90", { ms: ms(variant.latencyNs?.total.p90 ?? null) }),
  ]);
  if (variant.parity.maxPx !== null) {
    facts.push([
      t("tile.keypoints"),
      px(variant.parity.maxPx),
      variant.parity.tolerancePx === null
        ? ""
        : t("tile.tolerance", { px: px(variant.parity.tolerancePx) }),
    ]);
  }
  if (variant.accuracy !== null && !variant.variant.speedOnly) {
    facts.push([
      t("tile.ap"),
      score(variant.accuracy.ap),
      t("tile.reference", { ap: score(variant.accuracy.referenceAp) }),
    ]);
  }
  return el(
    "dl",
    { class: "tiles" },
    facts.map(([name, value, note]) =>
      el(
        "div",
        {},
        el("dt", {}, name),
        el("dd", {}, el("strong", {}, value), el("small", {}, note)),
      )
    ),
  );
}

/**
 * Returns the warnings: of the run, then of each variant, those of the answer's variants first;
 * null without any.
 *
 * @param {Context} context
 */
export function warningsPart(context) {
  const { t, report, label, deviceName, device, severalDevices } = context;
  const { variant: headline, base } = answerFor(report, device);
  /**
   * @type {Map<string, { code: string, message: string, advice: string, subjects: string[], weight:
   * number }>}
   */
  const merged = new Map();
  const add = (
    /** @type {{ code: string, message: string, advice: string }} */ warning,
    /** @type {string | null} */ subject,
    /** @type {number} */ weight,
  ) => {
    const key = JSON.stringify([warning.code, warning.message, warning.advice]);
    const known = merged.get(key);
    if (known === undefined) {
      merged.set(key, { ...warning, subjects: subject === null ? [] : [subject], weight });
      return;
    }
    if (subject !== null && !known.subjects.includes(subject)) known.subjects.push(subject);
    known.weight = Math.min(known.weight, weight);
  };
  for (const warning of report.warnings) add(warning, null, 0);
  for (const variant of report.variants) {
    const name = plain(label(variant.id), 60);
    const subject = severalDevices ? `${name}, ${deviceName(variant.device)}` : name;
    const weight = variant === headline || variant === base ? 1 : variant.device === device ? 2 : 3;
    for (const warning of variant.warnings) add(warning, subject, weight);
  }
  const all = [...merged.values()].sort((a, b) => a.weight - b.weight);
  if (all.length === 0) return null;
  const item = (/** @type {typeof all[number]} */ { code, message, advice, subjects }) =>
    el(
      "li",
      { "data-code": code },
      subjects.length > 0 &&
        el(
          "b",
          {},
          foreign(
            subjects.length > 3
              ? t("warnings.subjects", {
                some: subjects.slice(0, 2).join("; "),
                n: subjects.length - 2,
              })
              : subjects.join("; "),
          ),
          t("colon"),
        ),
      codeHeading(context, code),
      english(plain(message, 260)),
      " ",
      english(plain(advice, 260), "advice"),
    );
  const rest = all.slice(WARNINGS_SHOWN);
  return el(
    "aside",
    { class: "warnings", "aria-label": t("warnings.title") },
    el(
      "h2",
      {},
      el("span", { "aria-hidden": "true", class: "sign" }, "!"),
      t("warnings.count", { n: all.length }),
    ),
    el("ul", {}, all.slice(0, WARNINGS_SHOWN).map(item)),
    rest.length > 0 &&
      el(
        "details",
        {},
        el("summary", {}, t("warnings.more", { n: rest.length })),
        el("ul", {}, rest.map(item)),
      ),
  );
}

/**
 * What a warning is about, in the reader's language, before its English message; null in English
 * and for codes of other versions.
 *
 * @param {Context} context
 * @param {string} code
 */
function codeHeading({ t, choices }, code) {
  if (choices.language === "en" || !hasText(`warning.${code}`)) return null;
  return el("b", { class: "heading" }, t(`warning.${code}`), t("answer.end"));
}
