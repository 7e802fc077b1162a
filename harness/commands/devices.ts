/**
 * The commands about machines: `devices`, `doctor`.
 *
 * @module
 */
import { command, type CommandSpec } from "../cli.ts";
import { flag } from "../options.ts";
import { EXIT } from "../errors.ts";

/** `devices` and `doctor`. */
export const deviceCommands: CommandSpec[] = [
  command({
    name: "devices",
    description: "lists phones: SoC, cores, CPU features, temperature, and what is in the way",
    options: { json: flag("--json", "print JSON") },
    async run(options) {
      const { devicesTable, listDevices } = await import("../device/devices.ts");
      const rows = await listDevices();
      console.log(options.json ? JSON.stringify(rows, null, 2) : devicesTable(rows).trimEnd());
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
      console.log(options.json ? JSON.stringify(rows, null, 2) : doctorText(rows).trimEnd());
      return rows.some((row) => row.required && !row.ok) ? EXIT.environment : EXIT.pass;
    },
  }),
];
