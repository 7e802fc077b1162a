/**
 * Emulated phones as nodes of a farm, with an adb server of their own.
 *
 * @module
 */
import { openDevices } from "../../device/devices.ts";
import { emulate } from "../../device/testdata/emulated/emulated_device.ts";
import { deviceFeatures } from "../../record/device_features.ts";
import { nodeName } from "../nodes.ts";
import type { WorldPhone } from "./farm_world.ts";

/** What a phone is. */
export interface PhoneKind {
  cpu: "cortex-a76" | "cortex-a53";
  soc: string;
  model: string;
}

/** Running phones; disposing of them wipes them and ends their adb server. */
export interface EmulatedPhones extends AsyncDisposable {
  phones: (WorldPhone & { name: string })[];
  /**
   * Pushes files to every phone, one after the other: all at once they starve each other on a small
   * machine.
   */
  deploy(files: readonly { path: string; executable: boolean }[]): Promise<void>;
  /** Makes a phone hot for so long. */
  heat(name: string, seconds: number): Promise<void>;
}

/**
 * Returns phones of these kinds on ports from `firstPort`, connected to an adb server on `adbPort`.
 */
export async function startEmulatedPhones(
  kinds: readonly PhoneKind[],
  ports: { first: number; adb: number },
): Promise<EmulatedPhones> {
  await using stack = new AsyncDisposableStack();
  await emulate(["prepare"]);
  const adb = async (...args: string[]) => {
    const output = await new Deno.Command("adb", {
      args: ["-P", String(ports.adb), ...args],
      stdin: "null",
    }).output();
    return new TextDecoder().decode(output.stdout);
  };
  stack.defer(async () => void await adb("kill-server"));
  const made = kinds.map((kind, index) => ({
    ...kind,
    name: `farm${index}`,
    port: ports.first + 2 * index,
  }));
  for (const { name, port, cpu, soc, model } of made) {
    await emulate(["wipe", name]);
    stack.defer(async () => void await emulate(["wipe", name]));
    await emulate([
      "start",
      name,
      String(port),
      `prop.ro.soc.model=${soc}`,
      `prop.ro.product.model=${model}`,
    ], {
      CPU: cpu,
      CORES: "1",
      MEM: "512",
      DATA_MB: "256",
    });
  }
  const phones: EmulatedPhones["phones"] = [];
  for (const { name, port } of made) {
    await emulate(["wait", name]);
    const serial = `127.0.0.1:${port}`;
    await adb("connect", serial);
    const server = { hostname: "127.0.0.1", port: ports.adb, adbProgram: "adb" };
    const [device] = await openDevices([serial], { server });
    const description = await device.describe();
    await device[Symbol.asyncDispose]();
    phones.push({
      name,
      node: nodeName(serial),
      features: deviceFeatures(description),
      serial,
      adbServer: `127.0.0.1:${ports.adb}`,
    });
  }
  const owned = stack.move();
  return {
    phones,
    async deploy(files) {
      const server = { hostname: "127.0.0.1", port: ports.adb, adbProgram: "adb" };
      for (const { serial } of phones) {
        const [device] = await openDevices([serial], { server });
        for (const { path, executable } of files) await device.push(path, { executable });
        await device[Symbol.asyncDispose]();
      }
    },
    async heat(name, seconds) {
      const phone = phones.find((phone) => phone.name === name)!;
      const schedule = `0 battery_temp 470\\n${seconds} battery_temp 470\\n${
        seconds + 1
      } battery_temp 280\\n`;
      const place = "/data/local/emulated/schedule";
      const script = `printf '${schedule}' >${place}.new && mv ${place}.new ${place}`;
      await adb("-s", phone.serial, "shell", script);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
