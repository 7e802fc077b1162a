/**
 * The commands about machines: `devices`, `doctor`.
 *
 * @module
 */
import { command, type CommandSpec } from "../cli.ts";
import { flag, option, repeated } from "../options.ts";
import { EXIT } from "../errors.ts";
import { printResult } from "../terminal.ts";
import { CONFIG_FILE, readConfig } from "./config_file.ts";

/** `devices` and `doctor`. */
export const deviceCommands: CommandSpec[] = [
  command({
    name: "devices",
    description:
      "lists phones and boards: SoC, cores, CPU features, temperature, and what is in the way",
    options: {
      device: repeated(
        "--device <name>",
        "a board to list as well, ssh://user@host; repeat for several",
      ),
      config: option(
        "--config <file>",
        `whose boards are listed (devices, gate.devices). Default: as for gate, the nearest ${CONFIG_FILE}`,
      ),
      json: flag("--json", "print JSON"),
    },
    async run(options) {
      const { devicesTable, listDevices } = await import("../device/devices.ts");
      const { namedDevices } = await import("../gate/config.ts");
      const { config } = await readConfig(options.config);
      const named = new Set([...options.device ?? [], ...namedDevices(config)]);
      const rows = await listDevices({ named: [...named] });
      printResult(options.json, rows, devicesTable);
      return EXIT.pass;
    },
  }),
  command({
    name: "doctor",
    description: "says what is missing on this machine and how to get it",
    options: { json: flag("--json", "print JSON") },
    async run(options) {
      const { doctor, doctorText } = await import("../toolchain/doctor.ts");
      const rows = await doctor();
      printResult(options.json, rows, doctorText);
      return rows.some((row) => row.required && !row.ok) ? EXIT.environment : EXIT.pass;
    },
  }),
];
