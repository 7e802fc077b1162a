/**
 * The commands about machines: `devices`, `doctor`.
 *
 * @module
 */
import type { CommandSpec } from "../cli.ts";
import { EXIT } from "../errors.ts";

/** `devices` and `doctor`. */
export const deviceCommands: CommandSpec[] = [
  {
    name: "devices",
    description: "lists phones: SoC, cores, CPU features, temperature, and what is in the way",
    options: [{ flags: "--json", description: "print JSON" }],
    async run(options) {
      const { devicesTable, listDevices } = await import("../device/devices.ts");
      const rows = await listDevices();
      console.log(options.json ? JSON.stringify(rows, null, 2) : devicesTable(rows).trimEnd());
      return EXIT.pass;
    },
  },
  {
    name: "doctor",
    description: "says what is missing on this machine and how to get it",
    options: [{ flags: "--json", description: "print JSON" }],
    async run(options) {
      const { doctor, doctorText } = await import("../toolchain/doctor.ts");
      const rows = await doctor();
      console.log(options.json ? JSON.stringify(rows, null, 2) : doctorText(rows).trimEnd());
      return rows.some((row) => row.required && !row.ok) ? EXIT.environment : EXIT.pass;
    },
  },
];
