/**
 * Emulated phones for tests: started, cut, frozen and scripted by `emulate.sh`.
 *
 * @module
 */
import { HarnessError } from "../../../errors.ts";

/** How an emulated phone is made. */
export interface EmulatedOptions {
  name: string;
  /** TCP port of its adbd on this machine. */
  port: number;
  cpu?: "cortex-a76" | "cortex-a53" | "max";
  cores?: number;
  memoryMb?: number;
  /** Size of `/data`. */
  dataMb?: number;
  /** True runs adbd as root. */
  root?: boolean;
}

/** A running emulated phone. */
export interface EmulatedDevice extends AsyncDisposable {
  /** As adb knows it: `127.0.0.1:PORT`. */
  readonly serial: string;
  /** Runs a command of `emulate.sh` on it: `cut`, `pause`, `resume`, `reset`, `wifi`. */
  control(command: string, ...args: string[]): Promise<void>;
  /** Starts it again after a cut, and waits until its adbd listens. */
  start(change?: Partial<EmulatedOptions>): Promise<void>;
}

/** Runs `emulate.sh`; throws `missing-tool` with its words when it fails. */
export async function emulate(args: string[], env: Record<string, string> = {}): Promise<string> {
  const script = new URL("./emulate.sh", import.meta.url).pathname;
  const child = new Deno.Command("bash", { args: [script, ...args], env, stdin: "null" });
  const { code, stdout, stderr } = await child.output();
  if (code === 0) return new TextDecoder().decode(stdout);
  const words = new TextDecoder().decode(stderr).trim();
  throw new HarnessError(
    "missing-tool",
    `Cannot run "emulate.sh ${args.join(" ")}": exit code ${code} (${words.split("\n").at(-1)})`,
    { stderrTail: words.split("\n").slice(-10) },
  );
}

/** Returns a fresh emulated phone that listens; disposing of it wipes it. */
export async function startEmulated(options: EmulatedOptions): Promise<EmulatedDevice> {
  let made = options;
  const start = async (change: Partial<EmulatedOptions> = {}) => {
    made = { ...made, ...change };
    await emulate(["start", made.name, String(made.port)], {
      CPU: made.cpu ?? "cortex-a76",
      CORES: String(made.cores ?? 2),
      MEM: String(made.memoryMb ?? 512),
      DATA_MB: String(made.dataMb ?? 256),
      AS_ROOT: made.root ? "1" : "0",
    });
    await emulate(["wait", made.name]);
  };
  await emulate(["prepare"]);
  await emulate(["wipe", options.name]);
  await start();
  return {
    serial: `127.0.0.1:${options.port}`,
    control: async (command, ...args) => {
      await emulate([command, options.name, ...args]);
    },
    start,
    [Symbol.asyncDispose]: async () => {
      await emulate(["wipe", options.name]);
    },
  };
}
