/**
 * A real OpenSSH server on this machine's loopback, for tests: its own port, host key, user key and
 * configuration, all in a folder of its own. Nothing of the user's `~/.ssh` is read.
 *
 * @module
 */
import * as path from "@std/path";
import type { SshProgram } from "../ssh/client.ts";

/** A running server. */
export interface LoopbackSshd extends AsyncDisposable {
  /** Name of the board: `ssh://USER@127.0.0.1:PORT`. */
  readonly name: string;
  readonly port: number;
  /** The client, with the configuration that knows key and host. */
  readonly ssh: SshProgram;
  /** Folder of keys and configuration. */
  readonly dir: string;
  /** Folder that stands for the home. */
  readonly home: string;
  /** Ends the listener; its sessions stay, and can't be signalled any more. */
  stop(): Promise<void>;
  /** Starts the listener again on its port, with further lines of `sshd_config`. */
  start(config?: string[]): Promise<void>;
  /** Sets the shell lines that every session runs first: a login shell's noise. */
  beforeSessions(lines: string): Promise<void>;
  /** Sends a signal to every process of the server that serves a connection. */
  signalSessions(signal: "KILL" | "STOP" | "CONT"): Promise<void>;
}

/** Where Debian and Fedora have the server; it wants to be started by its whole path. */
const SSHD = "/usr/sbin/sshd";

/** Returns a fresh server that listens. */
export async function startLoopbackSshd(): Promise<LoopbackSshd> {
  const dir = await Deno.makeTempDir({ prefix: "posemark-sshd-" });
  const file = (name: string) => path.join(dir, name);
  const home = file("home");
  await Deno.mkdir(home);
  for (const key of ["host", "user"]) {
    await output("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file(key)]);
  }
  await Deno.copyFile(file("user.pub"), file("authorized"));
  // Only a server that root started needs it.
  if (Deno.uid() === 0) await Deno.mkdir("/run/sshd", { recursive: true });
  const user = (await output("id", ["-un"])).trim();
  const port = freePort();
  const beforeSessions = async (lines: string) => {
    const run = `exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"`;
    const script = ["#!/bin/sh", `export HOME=${home}`, lines, run, ""].join("\n");
    await Deno.writeTextFile(file("session"), script);
    await Deno.chmod(file("session"), 0o755);
  };
  await beforeSessions("");
  const [type, key] = (await Deno.readTextFile(file("host.pub"))).split(" ");
  await Deno.writeTextFile(file("known_hosts"), `[127.0.0.1]:${port} ${type} ${key}\n`);
  await Deno.writeTextFile(
    file("ssh_config"),
    [
      ...[`IdentityFile ${file("user")}`, "IdentitiesOnly yes", "StrictHostKeyChecking yes"],
      ...[`UserKnownHostsFile ${file("known_hosts")}`, "GlobalKnownHostsFile /dev/null", ""],
    ].join("\n"),
  );
  let server: Deno.ChildProcess | null = null;
  const start = async (config: string[] = []) => {
    const lines = [
      ...[...config, `Port ${port}`, "ListenAddress 127.0.0.1", `HostKey ${file("host")}`],
      ...[`AuthorizedKeysFile ${file("authorized")}`, "StrictModes no", "UsePAM no"],
      ...["PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes"],
      ...["PidFile none", `ForceCommand ${file("session")}`, "MaxStartups 100", ""],
    ];
    await Deno.writeTextFile(file("sshd_config"), lines.join("\n"));
    server = new Deno.Command(SSHD, {
      args: ["-D", "-f", file("sshd_config"), "-E", file("log")],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await untilListening(port);
  };
  const stop = async () => {
    server?.kill("SIGKILL");
    await server?.status;
    server = null;
  };
  const signalSessions = async (signal: string) => {
    if (server === null) throw new Error("The listener has ended: its sessions are not known");
    // Each connection is a child of the listener; where it gives its rights up, with a child.
    const own = await childrenOf([server.pid]);
    const all = [...own, ...await childrenOf(own)];
    await new Deno.Command("kill", { args: [`-${signal}`, ...all], stderr: "null" }).output();
  };
  await start();
  return {
    name: `ssh://${user}@127.0.0.1:${port}`,
    port,
    ssh: { program: "ssh", configFile: file("ssh_config") },
    dir,
    home,
    start,
    stop,
    beforeSessions,
    signalSessions,
    [Symbol.asyncDispose]: async () => {
      if (server !== null) await signalSessions("KILL");
      await stop();
      await Deno.remove(dir, { recursive: true });
    },
  };
}

/** Returns the ssh servers among the children of processes. */
async function childrenOf(pids: readonly (number | string)[]): Promise<string[]> {
  if (pids.length === 0) return [];
  const args = ["-P", pids.join(","), "sshd"];
  const { stdout } = await new Deno.Command("pgrep", { args }).output();
  return new TextDecoder().decode(stdout).split("\n").filter(Boolean);
}

/** Returns a port that nobody listens on. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}

/** Waits until somebody listens on the port. */
async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  throw new Error(`No sshd listens on port ${port}`);
}

async function output(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`${command} failed: ${new TextDecoder().decode(stderr)}`);
}
