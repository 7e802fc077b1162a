/**
 * A synthetic report in which every text from outside is an attack on the page.
 *
 * @module
 */
import type { Report } from "../report_json.ts";
import { EXAMPLE_SIZE, syntheticReport } from "./synthetic_report.ts";

/** Texts that would break a careless page. A script that runs sets `hacked` on the window. */
export const HOSTILE_TEXTS = [
  `</script><script>globalThis.hacked = "script"</script>`,
  `"><img src=x onerror="globalThis.hacked='img'"><svg onload="globalThis.hacked='svg'">`,
  `<!--<script>{{script}} {{data}} {variant} {ratio} **bold** $& $1 \${1+1}`,
  `safe\u202Egnp.exe\u202C \u2066isolate \u200Bzero\u0000nul \ud800lone \u2028line`,
  `javascript:globalThis.hacked='url' 'quotes' "double" \`back\` & &lt;b&gt;`,
  "__proto__",
  "constructor",
  `=HYPERLINK("javascript:1")`,
];

/** Returns the example's report with hostile texts wherever the schema takes a text. */
export function hostileReport(): Report {
  const report = syntheticReport({ ...EXAMPLE_SIZE, seed: 13, rounds: 3, images: 4, pictures: 4 });
  let next = 0;
  const hostile = () => HOSTILE_TEXTS[next++ % HOSTILE_TEXTS.length];
  const long = "W".repeat(5000);
  const ids = new Map<string, string>();
  for (const [i, variant] of report.variants.entries()) {
    ids.set(variant.id, `${HOSTILE_TEXTS[i % HOSTILE_TEXTS.length]} ${i}`);
  }
  const rename = (id: string) => ids.get(id) ?? id;
  const serial = `${HOSTILE_TEXTS[0]}${HOSTILE_TEXTS[3]}`;
  report.runId = `${HOSTILE_TEXTS[1]}${long}`;
  report.createdAt = HOSTILE_TEXTS[4];
  report.base = rename(report.base);
  report.command = [...HOSTILE_TEXTS, long];
  report.options = Object.fromEntries(HOSTILE_TEXTS.map((text) => [text, { [text]: text }]));
  report.harness = { version: HOSTILE_TEXTS[0], long, list: HOSTILE_TEXTS };
  for (const device of report.devices) {
    Object.assign(device, {
      serial,
      model: HOSTILE_TEXTS[2],
      manufacturer: HOSTILE_TEXTS[0],
      soc: long,
      os: hostile(),
      buildFingerprint: hostile(),
      kernel: hostile(),
      abi: hostile(),
      cpuFeatures: HOSTILE_TEXTS,
    });
    for (const core of device.cores) core.part = HOSTILE_TEXTS[1];
  }
  for (const variant of report.variants) {
    variant.id = rename(variant.id);
    variant.device = serial;
    variant.variant.model = `${hostile()} ${variant.variant.model}`;
    variant.variant.bin.file = hostile();
    variant.variant.param.file = hostile();
    if (variant.ratio !== null) variant.ratio.base = report.base;
    variant.parity.reason = `${hostile()} ${long}`;
    for (const stage of variant.parity.stages) {
      Object.assign(stage, { unit: hostile(), reason: hostile() });
    }
    for (const joint of variant.parity.joints) joint.name = hostile();
    if (variant.benchncnn !== null) variant.benchncnn.note = hostile();
    variant.warnings = HOSTILE_TEXTS.map((text) => ({
      code: text,
      message: text,
      advice: `${text}${long}`,
    }));
  }
  for (const launch of report.launches) {
    launch.device = serial;
    launch.variantId = rename(launch.variantId);
    launch.marks = [hostile()];
  }
  for (const failure of report.failures) {
    Object.assign(failure, {
      device: serial,
      variantId: rename(failure.variantId),
      code: hostile(),
      message: `${hostile()}${long}`,
    });
  }
  for (const item of report.gallery) {
    Object.assign(item, { device: serial, variantId: rename(item.variantId) });
  }
  for (const [i, image] of report.images.entries()) {
    image.file = `${hostile()}${long}`;
    if (i === 0) image.thumbnail = "https://attacker.invalid/pixel.png";
    if (i === 1) image.thumbnail = `data:image/svg+xml;base64,${btoa("<svg onload='hacked=1'/>")}`;
  }
  for (const graph of report.graphs) {
    graph.variantId = rename(graph.variantId);
    graph.svg =
      `<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10" onload="parent.hacked='svg'">` +
      `<script>parent.hacked = "svg"</script><image href="https://attacker.invalid/a.png" width="9" height="9"/></svg>`;
    for (const stage of graph.stages) {
      stage.name = hostile();
      stage.byType = Object.fromEntries(HOSTILE_TEXTS.map((text, n) => [text, n]));
    }
  }
  for (const layers of report.layerParity) {
    Object.assign(layers, { device: serial, variantId: rename(layers.variantId) });
    layers.imageId = hostile();
    for (const each of layers.worst) {
      Object.assign(each, {
        layer: hostile(),
        type: hostile(),
        blob: hostile(),
        tensor: hostile(),
      });
    }
    layers.firstBeyond = layers.worst[0];
    layers.svg = report.graphs[0].svg;
  }
  for (const layer of report.layerTimes) {
    Object.assign(layer, {
      device: serial,
      variantId: rename(layer.variantId),
      layer: hostile(),
      type: hostile(),
    });
  }
  for (const roof of report.roofline) roof.device = serial;
  report.warnings = HOSTILE_TEXTS.map((text) => ({ code: text, message: text, advice: long }));
  return report;
}
