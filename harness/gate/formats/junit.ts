/**
 * JUnit XML: a regression or a parity failure is a `<failure>`, the environment and an open
 * question an `<error>`, no phone a `<skipped>`.
 *
 * Shape: the XSD that Jenkins and GitLab follow (testsuites > testsuite > properties, testcase >
 * failure|error|skipped).
 *
 * @module
 */
import {
  type GateResult,
  isVerdictUntold,
  type MergedResult,
  type NamedMetric,
} from "../verdict.ts";
import { type FormatInput, metricLabel } from "./figures.ts";

/** Error codes that mean that there was no device to test on. */
const NO_DEVICE = ["device-not-found", "device-offline", "device-unauthorized", "device-lost"];

/** Returns the JUnit XML document. The properties of the suite carry the numbers. */
export function junitXml(input: FormatInput): string {
  const cases = testCases(input);
  const count = (element: string) => cases.filter((each) => each.includes(`<${element}`)).length;
  const counts = `tests="${cases.length}" failures="${count("failure")}" errors="${
    count("error")
  }" skipped="${count("skipped")}" time="${(input.gate?.seconds ?? 0).toFixed(3)}"`;
  const properties = suiteProperties(input).map(([name, value]) =>
    `      <property name="${xml(name)}" value="${xml(value)}"/>`
  );
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<testsuites name="posemark" ${counts}>`,
    `  <testsuite name="posemark.gate" ${counts} timestamp="${
      xml(input.createdAt.replace(/\.\d+Z?$|Z$/, ""))
    }" hostname="${xml(input.gate?.device ?? "unknown")}">`,
    `    <properties>`,
    ...properties,
    `    </properties>`,
    ...cases,
    `  </testsuite>`,
    `</testsuites>`,
    ``,
  ].join("\n");
}

function testCases({ gate, environmentError }: FormatInput): string[] {
  if (environmentError !== null) {
    const { code, message } = environmentError;
    return [
      testCase("device", "environment", 0, NO_DEVICE.includes(code) ? "skipped" : "error", {
        type: code,
        message,
      }),
    ];
  }
  if (gate === null) return [];
  return [
    ...gate.metrics.map((metric) => metricCase(gate, metric)),
    testCase(
      gate.device,
      "correctness",
      0,
      elementOf(gate.parity.verdict),
      {
        type: gate.parity.verdict === "fail" ? "parity" : "inconclusive",
        message: gate.parity.reason,
      },
    ),
    ...(isVerdictUntold(gate)
      ? [
        testCase(gate.device, "verdict", 0, elementOf(gate.verdict), {
          type: gate.verdict,
          message: gate.reasons.join("\n"),
        }),
      ]
      : []),
  ];
}

function metricCase(gate: MergedResult, metric: NamedMetric): string {
  return testCase(
    metric.device,
    metricLabel(gate, metric),
    gate.seconds,
    elementOf(metric.verdict),
    {
      type: metric.verdict === "fail" ? "regression" : "inconclusive",
      message: metric.reason,
    },
  );
}

function elementOf(verdict: GateResult["verdict"]): "failure" | "error" | null {
  return verdict === "fail" ? "failure" : verdict === "inconclusive" ? "error" : null;
}

function testCase(
  device: string,
  name: string,
  seconds: number,
  element: "failure" | "error" | "skipped" | null,
  detail: { type: string; message: string },
): string {
  const open = `    <testcase classname="posemark.${xml(device)}" name="${xml(name)}" time="${
    seconds.toFixed(3)
  }"`;
  if (element === null) return `${open}/>`;
  const type = element === "skipped" ? "" : ` type="${xml(detail.type)}"`;
  return `${open}>\n      <${element} message="${xml(detail.message)}"${type}>${
    xml(detail.message)
  }</${element}>\n    </testcase>`;
}

function suiteProperties({ runId, gitCommit, figures, gate }: FormatInput): [string, string][] {
  return [
    ["runId", runId],
    ...(gitCommit === null ? [] : [["gitCommit", gitCommit] as [string, string]]),
    ...(gate === null ? [] : [
      ["verdict", gate.verdict],
      ["baseline", gate.baseline],
      ["candidate", gate.candidate],
      ...gate.metrics.flatMap((metric): [string, string][] =>
        (["ratio", "low", "high", "threshold", "detectable"] as const).map((key) => [
          `${metric.device}.${metricLabel(gate, metric)}.${key}`,
          String(metric[key]),
        ])
      ),
    ] as [string, string][]),
    ...figures.map((figure): [string, string] => [
      `${figure.device}.${figure.variantId}.${figure.metric} (${figure.unit})`,
      String(figure.value),
    ]),
  ];
}

/**
 * Text for an attribute or element: markup escaped, characters that XML 1.0 can't hold replaced.
 */
function xml(text: string): string {
  const marks: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "\n": "&#10;",
    "\r": "&#13;",
    "\t": "&#9;",
  };
  return text.toWellFormed().replace(
    // deno-lint-ignore no-control-regex
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g,
    "\ufffd",
  ).replace(/[&<>"\n\r\t]/g, (mark) => marks[mark]);
}
