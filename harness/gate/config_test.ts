import { assert, assertEquals, assertThrows } from "@std/assert";
import { Ajv2020 } from "ajv/dist/2020.js";
import { HarnessError } from "../errors.ts";
import {
  DEFAULT_GATE_CONFIG,
  gateConfigJsonSchema,
  gateRules,
  namedDevices,
  parseGateConfig,
} from "./config.ts";

const FULL = {
  $schema: "./posemark.schema.json",
  gate: {
    thresholdsPercent: { "total.p50": 5, "total.p90": 8 },
    falseAlarmPercent: 2,
    budgetSeconds: 120,
    devices: { R5CT10: { thresholdsPercent: { "total.p50": 3 }, budgetSeconds: 600 } },
    variants: {
      "m.silu": { thresholdsPercent: { "total.p90": null, "peakRss": 10 }, maxApDrop: 0.01 },
    },
  },
};

Deno.test("gateRules() lets the variant win over the device and the device over the rest", () => {
  const config = parseGateConfig(JSON.stringify(FULL), "posemark.json");
  const ratios = (device: string, variant: string) =>
    Object.fromEntries(
      gateRules(config, device, variant, 1).thresholds.map((t) => [t.name, t.ratio]),
    );
  assertEquals(ratios("host", "x"), { "total.p50": 1.05, "total.p90": 1.08 });
  assertEquals(ratios("R5CT10", "x"), { "total.p50": 1.03, "total.p90": 1.08 });
  assertEquals(ratios("R5CT10", "m.silu"), { "total.p50": 1.03, "peakRss": 1.1 });
  const rules = gateRules(config, "R5CT10", "m.silu", 1);
  assertEquals(
    [rules.budgetSeconds, rules.maxApDrop, rules.falseAlarmRate, rules.missRate],
    [600, 0.01, 0.02, 0.05],
  );
});

Deno.test("gateRules() shares the false alarms among the gates that are run at once, and not the misses", () => {
  const { falseAlarmRate, missRate } = gateRules(DEFAULT_GATE_CONFIG, "host", "x", 8);
  assertEquals([falseAlarmRate, missRate], [0.05 / 8, 0.05]);
});

Deno.test("gateRules() gates 5% of the median when nothing is configured", () => {
  const rules = gateRules(DEFAULT_GATE_CONFIG, "host", "x", 1);
  assertEquals(rules.thresholds, [{ name: "total.p50", ratio: 1.05 }]);
  assertEquals(gateRules({ gate: {} }, "host", "x", 1), rules);
});

Deno.test("gateRules() gates a known AP unless it is told otherwise", () => {
  const ap = (maxApDrop?: number | null) => {
    const rules = gateRules({ gate: { maxApDrop } }, "host", "x", 1);
    return [rules.maxApDrop, rules.isApRequired];
  };
  assertEquals([ap(), ap(0.1), ap(null)], [[0.02, false], [0.1, true], [null, false]]);
});

Deno.test("gateRules() throws when every metric is switched off", () => {
  const error = assertThrows(
    () => gateRules({ gate: { thresholdsPercent: { "total.p50": null } } }, "host", "x", 1),
    HarnessError,
    "switched off",
  );
  assertEquals(error.code, "bad-config");
});

Deno.test("parseGateConfig() throws and names the key when a key is unknown or a value makes no sense", () => {
  const refused = (json: unknown, words: string) => {
    const error = assertThrows(
      () => parseGateConfig(JSON.stringify(json), "posemark.json"),
      HarnessError,
      words,
    );
    assertEquals([error.code, error.exitCode], ["bad-config", 2]);
  };
  refused({ gate: {}, gates: {} }, "gates");
  refused({ gate: { treshold: 5 } }, "treshold");
  refused({ gate: { thresholdsPercent: { "total.p51": 5 } } }, "total.p51");
  refused({ gate: { thresholdsPercent: { "total.p50": 0 } } }, "gate.thresholdsPercent.total.p50");
  refused({ gate: { devices: { a: { budget: 1 } } } }, "gate.devices.a");
  refused({}, '"gate"');
  assertThrows(() => parseGateConfig("{", "posemark.json"), HarnessError, "not JSON");
});

Deno.test("parseGateConfig() reads what a Windows editor wrote, with a byte order mark", () => {
  assertEquals(parseGateConfig('\uFEFF{"gate": {}}', "posemark.json"), { gate: {} });
});

Deno.test("gateConfigJsonSchema() takes and refuses what the reader does when another validator reads it", () => {
  const validate = new Ajv2020({ strict: false }).compile(gateConfigJsonSchema());
  assert(validate(FULL), JSON.stringify(validate.errors));
  assert(!validate({ gate: { treshold: 5 } }));
  assert(!validate({ gate: { thresholdsPercent: { "total.p50": -1 } } }));
});

Deno.test("posemark.schema.json equals the schema of the reader when both are compared", async () => {
  const file = new URL("./posemark.schema.json", import.meta.url);
  assertEquals(JSON.parse(await Deno.readTextFile(file)), gateConfigJsonSchema());
});

Deno.test("namedDevices() returns the devices that are listed and those that have rules, each once", () => {
  assertEquals(namedDevices(DEFAULT_GATE_CONFIG), []);
  const devices = { "ssh://pi": {}, "R5CT10": {} };
  const config = parseGateConfig(
    JSON.stringify({ devices: ["ssh://rock", "ssh://pi"], gate: { devices } }),
    "posemark.json",
  );
  assertEquals(namedDevices(config), ["ssh://rock", "ssh://pi", "R5CT10"]);
});
