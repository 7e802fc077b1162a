/**
 * An emulated arm64 board for tests: Linux with BusyBox and dropbear, started by `emulate.sh`.
 *
 * @module
 */
import * as path from "@std/path";
import type { SshProgram } from "../../ssh/client.ts";
import { emulate } from "./emulated_device.ts";

/** A running emulated board. */
export interface EmulatedBoard extends AsyncDisposable {
  /** `ssh://pi@127.0.0.1:PORT`. */
  readonly name: string;
  /** The client, with the configuration that knows key and host. */
  readonly ssh: SshProgram;
  /** Folder of keys and configuration, for files of a test as well. */
  readonly dir: string;
  /** Runs a command of `emulate.sh` on it: `cut`, `pause`, `resume`, `reset`, `wifi`. */
  control(command: string, ...args: string[]): Promise<void>;
  /** Starts it again after a cut, and waits until it listens. */
  start(): Promise<void>;
  /** Runs a shell line there as root, as somebody else would; what it prints. */
  asRoot(line: string): Promise<string>;
}

/** Returns a fresh emulated board that listens; disposing of it wipes it. */
export async function startEmulatedBoard(name: string, port: number): Promise<EmulatedBoard> {
  const dir = await Deno.makeTempDir({ prefix: "posemark-board-" });
  const file = (name: string) => path.join(dir, name);
  const run = async (program: string, args: string[], stdin?: string) => {
    const child = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    })
      .spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(stdin ?? "")).catch(() => {});
    await writer.close().catch(() => {});
    const { stdout } = await child.output();
    return new TextDecoder().decode(stdout);
  };
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file("user")]);
  const key = (await Deno.readTextFile(file("user.pub"))).split(" ")[1];
  const start = async () => {
    const settings = { CPU: "cortex-a76", CORES: "2", MEM: "512", DATA_MB: "192", SSH_KEY: key };
    await emulate(["start", name, String(port)], settings);
    await emulate(["wait", name]);
  };
  await emulate(["prepare"]);
  await emulate(["wipe", name]);
  await start();
  // The key that it made itself a moment ago: nobody stands between here and there.
  const host = await run("ssh-keyscan", [
    "-T",
    "30",
    "-t",
    "ed25519",
    "-p",
    String(port),
    "127.0.0.1",
  ]);
  await Deno.writeTextFile(file("known_hosts"), host);
  await Deno.writeTextFile(
    file("ssh_config"),
    [
      ...[`IdentityFile ${file("user")}`, "IdentitiesOnly yes", "StrictHostKeyChecking yes"],
      ...[`UserKnownHostsFile ${file("known_hosts")}`, "GlobalKnownHostsFile /dev/null"],
      // A machine that is gone sends nothing.
      ...["ServerAliveInterval 2", "ServerAliveCountMax 2", ""],
    ].join("\n"),
  );
  return {
    name: `ssh://pi@127.0.0.1:${port}`,
    ssh: { program: "ssh", configFile: file("ssh_config") },
    dir,
    control: async (command, ...args) => {
      await emulate([command, name, ...args]);
    },
    start,
    asRoot: (line) =>
      run("ssh", ["-F", file("ssh_config"), "-p", String(port), "root@127.0.0.1", "sh -s"], line),
    [Symbol.asyncDispose]: async () => {
      await emulate(["wipe", name]);
      await Deno.remove(dir, { recursive: true });
    },
  };
}
