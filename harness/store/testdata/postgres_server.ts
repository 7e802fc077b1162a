/**
 * A PostgreSQL server of its own on this machine, for tests: private folder, private port, a
 * password.
 *
 * @module
 */
import * as path from "@std/path";
import { makeSecret, type Secret } from "../../secret.ts";

/** A running server; dispose of it to end it and remove its folder. */
export interface PostgresServer extends AsyncDisposable {
  /** Address without a password. */
  address: string;
  password: Secret;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/**
 * Returns the newest folder of Debian's with `initdb` and `pg_ctl` in it; null when there is none.
 */
export async function postgresBin(): Promise<string | null> {
  const versions: string[] = [];
  try {
    for await (const entry of Deno.readDir("/usr/lib/postgresql")) versions.push(entry.name);
  } catch {
    return null;
  }
  for (const version of versions.sort((a, b) => Number(b) - Number(a))) {
    const bin = `/usr/lib/postgresql/${version}/bin`;
    if (await Deno.stat(path.join(bin, "initdb")).then((info) => info.isFile, () => false)) {
      return bin;
    }
  }
  return null;
}

/**
 * Returns a fresh server that asks for a password; `bin` is the folder of {@linkcode postgresBin}.
 */
export async function startPostgres(bin: string): Promise<PostgresServer> {
  const dir = await Deno.makeTempDir({ prefix: "posemark-pg-" });
  const password = `pw-${crypto.randomUUID()}`;
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = (listener.addr as Deno.NetAddr).port;
  listener.close();
  // The server refuses to run as root.
  const user = Deno.uid() === 0 ? await idsOf("postgres") : {};
  const run = async (command: string, args: string[]) => {
    const output = await new Deno.Command(path.join(bin, command), {
      args,
      ...user,
      cwd: "/",
      env: { LC_ALL: "C.UTF-8" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    if (!output.success) {
      const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      throw new Error(
        `${command} exited ${output.code}: ${decode(output.stdout)}${decode(output.stderr)}`,
      );
    }
  };
  const passwordFile = path.join(dir, "password");
  await Deno.writeTextFile(passwordFile, password, { mode: 0o600 });
  if (user.uid !== undefined) {
    await Deno.chown(dir, user.uid, user.gid!);
    await Deno.chown(passwordFile, user.uid, user.gid!);
  }
  const data = path.join(dir, "data");
  await run("initdb", [
    "-D",
    data,
    "-U",
    "posemark",
    "-A",
    "scram-sha-256",
    `--pwfile=${passwordFile}`,
    "-E",
    "UTF8",
    "--no-sync",
  ]);
  const settings =
    `-c listen_addresses=127.0.0.1 -p ${port} -c fsync=off -c unix_socket_directories=${dir}`;
  // The log keeps pg_ctl's pipes from staying open for as long as the server lives.
  const start = () =>
    run("pg_ctl", ["-D", data, "-w", "-l", path.join(dir, "log"), "-o", settings, "start"]);
  const stop = () => run("pg_ctl", ["-D", data, "-w", "-m", "immediate", "stop"]);
  await start();
  return {
    address: `postgres://posemark@127.0.0.1:${port}/postgres`,
    password: makeSecret(password),
    start,
    stop,
    async [Symbol.asyncDispose]() {
      await stop().catch(() => {});
      await Deno.remove(dir, { recursive: true });
    },
  };
}

async function idsOf(name: string): Promise<{ uid?: number; gid?: number }> {
  const line = (await Deno.readTextFile("/etc/passwd")).split("\n").find((l) =>
    l.startsWith(`${name}:`)
  );
  if (line === undefined) throw new Error(`there is no user "${name}" to run PostgreSQL as`);
  const [, , uid, gid] = line.split(":");
  return { uid: Number(uid), gid: Number(gid) };
}
