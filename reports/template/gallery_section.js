// @ts-check
/// <reference lib="dom" />
/**
 * The parity gallery: reference and candidate drawn over the photograph, with a slider between
 * them, the worst persons first.
 *
 * @module
 */
import { cutList, el, foreign, svg } from "./dom.js";
import { section } from "./sections.js";
import { oks, px, score } from "./numbers.js";
import { jointName, plain } from "./labels.js";
import { chartLabel } from "./verdicts.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("../../harness/report/report_json.ts").GalleryItem} GalleryItem */
/** @typedef {import("../../harness/record/records.ts").Detection} Detection */
/** @typedef {import("../../harness/report/report_json.ts").ReportVariant} ReportVariant */

/** Bones of COCO's 17 keypoints, by index. */
const COCO_BONES = [
  [15, 13],
  [13, 11],
  [16, 14],
  [14, 12],
  [11, 12],
  [5, 11],
  [6, 12],
  [5, 6],
  [5, 7],
  [6, 8],
  [7, 9],
  [8, 10],
  [1, 2],
  [0, 1],
  [0, 2],
  [1, 3],
  [2, 4],
  [3, 5],
  [4, 6],
]; // deno-fmt-ignore-line
/** Pictures that are shown at once. */
const PICTURES_AT_ONCE = 6;
/** Persons that are listed below a picture. */
const PERSONS_LISTED = 8;
/** A joint below this confidence is drawn hollow. */
const VISIBLE = 0.5;

/**
 * Returns the section; null when the report has no pictures for this device.
 *
 * @param {Context} context
 */
export function gallerySection(context) {
  const { t, report, device } = context;
  const items = report.gallery.filter((item) => item.device === device);
  if (items.length === 0) return null;
  return section("gallery", t("gallery.title"), () => contents(context, items));
}

/**
 * @param {Context} context
 * @param {GalleryItem[]} items of one device
 */
function contents(context, items) {
  const { t, here } = context;
  const variants = here.filter(({ id }) => items.some(({ variantId }) => variantId === id));
  const grid = el("div", { class: "gallery" });
  const more = el("div", { class: "more" });
  const show = (/** @type {ReportVariant} */ variant) => {
    const mine = items.filter(({ variantId }) => variantId === variant.id)
      .sort((a, b) => badness(b) - badness(a));
    grid.replaceChildren();
    const add = () => {
      const next = mine.slice(grid.childElementCount, grid.childElementCount + PICTURES_AT_ONCE);
      grid.append(...next.map((item) => card(context, variant, item)));
      const left = mine.length - grid.childElementCount;
      more.replaceChildren(
        ...(left > 0
          ? [el("button", { type: "button", onclick: add }, t("gallery.more", { n: left }))]
          : []),
      );
    };
    add();
  };
  const select = el(
    "select",
    { id: "gallery-variant", onchange: () => show(variants[select.selectedIndex]) },
    variants.map((variant) => el("option", {}, chartLabel(context, variant))),
  );
  const start = variants.reduce(
    (worst, variant, i) => worstOf(items, variant) > worstOf(items, variants[worst]) ? i : worst,
    0,
  );
  select.selectedIndex = start;
  show(variants[start]);
  return [
    el("p", {}, t("gallery.intro")),
    el(
      "p",
      { class: "legend" },
      el("span", { class: "key reference" }, t("gallery.reference")),
      el("span", { class: "key candidate" }, t("gallery.candidate")),
    ),
    variants.length > 1 && el("label", { class: "choose" }, t("gallery.choose"), select),
    grid,
    more,
  ];
}

/**
 * @param {GalleryItem[]} items
 * @param {ReportVariant} variant
 */
function worstOf(items, variant) {
  return Math.max(
    0,
    ...items.filter(({ variantId }) => variantId === variant.id).map(badness),
  );
}

/**
 * How bad a picture is: a person without partner weighs more than any distance.
 *
 * @param {GalleryItem} item
 */
function badness({ matches, unmatchedReference, unmatchedCandidate }) {
  return 1e6 * (unmatchedReference.length + unmatchedCandidate.length) +
    Math.max(0, ...matches.flatMap(({ distancesPx }) => distancesPx));
}

/**
 * @param {Context} context
 * @param {ReportVariant} variant
 * @param {GalleryItem} item
 */
function card(context, variant, item) {
  const { t, report } = context;
  const image = report.images.find(({ id }) => id === item.imageId);
  const width = image?.widthPx ?? 640;
  const height = image?.heightPx ?? 640;
  const name = plain(image?.file ?? item.imageId, 60);
  const clipId = `cut-${Math.random().toString(36).slice(2)}`;
  const cut = svg("rect", { x: 0, y: 0, width: width / 2, height });
  const wire = svg("line", { class: "wire", x1: width / 2, x2: width / 2, y1: 0, y2: height });
  const unit = Math.max(width, height) / 640;
  const picture = svg(
    "svg",
    {
      class: "picture",
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": t("gallery.pictureLabel", {
        name,
        n: item.reference.length,
        m: item.candidate.length,
      }),
    },
    svg("defs", {}, svg("clipPath", { id: clipId }, cut)),
    svg("rect", { class: "ground", x: 0, y: 0, width, height }),
    thumbnail(image?.thumbnail ?? null, width, height),
    svg(
      "g",
      { class: "skeleton reference" },
      item.reference.map((person) => skeleton(report, person, unit)),
    ),
    svg(
      "g",
      { class: "skeleton candidate", "clip-path": `url(#${clipId})` },
      item.candidate.map((person) => skeleton(report, person, unit)),
    ),
    wire,
  );
  const slider = el("input", {
    type: "range",
    min: 0,
    max: 100,
    value: 50,
    step: 1,
    "aria-label": t("gallery.slider", { name }),
    oninput: () => moveCut(),
  });
  let view = { x: 0, y: 0, width, height };
  // the slider runs over what is shown of the photograph
  const moveCut = () => {
    const x = view.x + view.width * Number(slider.value) / 100;
    cut.setAttribute("width", String(Math.max(0, x)));
    wire.setAttribute("x1", String(x));
    wire.setAttribute("x2", String(x));
  };
  const zoom = (/** @type {Detection | null} */ person) => {
    const [x1, y1, x2, y2] = person === null ? [0, 0, width, height] : person.boxXyxyPx;
    const margin = person === null ? 0 : 0.15 * Math.max(x2 - x1, y2 - y1, 8);
    view = withAspect({
      x: x1 - margin,
      y: y1 - margin,
      width: x2 - x1 + 2 * margin,
      height: y2 - y1 + 2 * margin,
    }, width / height);
    picture.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
    const radius = 2.5 * view.width / width * unit;
    for (const joint of picture.querySelectorAll(".joint")) joint.setAttribute("r", String(radius));
    moveCut();
  };
  const frame = el("div", { class: "frame" }, picture);
  frame.style.aspectRatio = `${width} / ${height}`;
  return el(
    "article",
    { class: "card", "data-image": item.imageId },
    el("h3", {}, foreign(name)),
    frame,
    slider,
    image?.thumbnail ? null : el("p", { class: "hint" }, t("gallery.noPicture")),
    personTable(context, variant, item, zoom),
  );
}

/**
 * Returns the smallest rectangle of the aspect (width / height) around another one, with the same
 * centre: what a frame of that aspect shows.
 *
 * @param {{ x: number, y: number, width: number, height: number }} inner
 * @param {number} aspect
 */
function withAspect({ x, y, width, height }, aspect) {
  const outer = {
    width: Math.max(width, height * aspect),
    height: Math.max(height, width / aspect),
  };
  return { ...outer, x: x - (outer.width - width) / 2, y: y - (outer.height - height) / 2 };
}

/**
 * @param {string | null} uri
 * @param {number} width
 * @param {number} height
 */
function thumbnail(uri, width, height) {
  if (uri === null || !/^data:image\/(webp|jpeg|png);base64,[A-Za-z0-9+/=]+$/.test(uri)) {
    return null;
  }
  return svg("image", { href: uri, x: 0, y: 0, width, height, preserveAspectRatio: "none" });
}

/**
 * Returns the bones of the data set; COCO's for 17 joints that have no others and no other names.
 *
 * @param {Context["report"]} report
 * @param {number} count
 */
function bonesOf({ skeletons }, count) {
  const own = skeletons.find(({ keypointCount }) => keypointCount === count);
  if (own !== undefined && own.bones.length > 0) return own.bones;
  const isCoco = own === undefined || own.jointNames === null ||
    /^left[\s_-]?eye$/i.test(own.jointNames[1] ?? "");
  return count === 17 && isCoco ? COCO_BONES : [];
}

/**
 * @param {Context["report"]} report
 * @param {Detection} person
 * @param {number} unit
 */
function skeleton(report, { boxXyxyPx: [x1, y1, x2, y2], keypoints }, unit) {
  const bones = bonesOf(report, keypoints.length);
  const sure = (/** @type {number} */ i) => keypoints[i][2] >= VISIBLE;
  return svg(
    "g",
    { class: "person" },
    svg("rect", {
      class: "box",
      x: x1,
      y: y1,
      width: Math.max(0, x2 - x1),
      height: Math.max(0, y2 - y1),
    }),
    bones.filter(([a, b]) => sure(a) && sure(b)).flatMap(([a, b]) =>
      ["halo", "bone"].map((name) =>
        svg("line", {
          class: name,
          x1: keypoints[a][0],
          y1: keypoints[a][1],
          x2: keypoints[b][0],
          y2: keypoints[b][1],
        })
      )
    ),
    keypoints.map(([x, y], i) =>
      svg("circle", { class: sure(i) ? "joint" : "joint unsure", cx: x, cy: y, r: 2.5 * unit })
    ),
  );
}

/**
 * @param {Context} context
 * @param {ReportVariant} variant
 * @param {GalleryItem} item
 * @param {(person: Detection | null) => void} zoom
 */
function personTable({ t }, variant, item, zoom) {
  const joints = variant.parity.joints.map(({ name }) => jointName(t, name));
  /** @type {{ worst: number, text: Node[], person: Detection }[]} */
  const persons = item.matches.map((match) => {
    const worst = Math.max(0, ...match.distancesPx);
    const joint = match.distancesPx.indexOf(worst);
    return {
      worst,
      person: item.candidate[match.candidateIndex],
      text: [
        el(
          "span",
          {},
          t("gallery.person", {
            px: px(worst),
            joint: joints[joint] ?? t("gallery.jointNumber", { n: joint }),
            oks: oks(match.oks),
          }),
        ),
      ],
    };
  });
  for (const i of item.unmatchedReference) {
    const person = item.reference[i];
    persons.push({
      worst: Infinity,
      person,
      text: [el("span", {}, t("gallery.onlyReference", { score: score(person.score) }))],
    });
  }
  for (const i of item.unmatchedCandidate) {
    const person = item.candidate[i];
    persons.push({
      worst: Infinity,
      person,
      text: [el("span", {}, t("gallery.onlyCandidate", { score: score(person.score) }))],
    });
  }
  if (persons.length === 0) return el("p", { class: "hint" }, t("gallery.nobody"));
  persons.sort((a, b) => b.worst - a.worst);
  const drawn = persons.filter(({ person }) => person !== undefined);
  const { shown, left } = cutList(t, drawn, PERSONS_LISTED);
  const list = shown.map(
    ({ person, text }) => {
      const button = el("button", {
        type: "button",
        class: "zoom",
        "aria-pressed": "false",
        onclick: () => {
          const on = button.getAttribute("aria-pressed") !== "true";
          for (const other of button.closest("ol")?.querySelectorAll("button") ?? []) {
            other.setAttribute("aria-pressed", "false");
          }
          button.setAttribute("aria-pressed", String(on));
          zoom(on ? person : null);
        },
      }, text);
      return el("li", {}, button);
    },
  );
  return [el("ol", { class: "persons", "aria-label": t("gallery.persons") }, list), left];
}
