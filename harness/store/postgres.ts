/**
 * The farm's store in PostgreSQL: for a team.
 *
 * @module
 */
import postgres from "postgres";
import { HarnessError } from "../errors.ts";
import { parseAddress, redact, type Secret } from "../secret.ts";
import type { Sql, SqlQueries, SqlRow, SqlValue } from "./sql.ts";
import { openSqlStore } from "./sql_store.ts";
import type { FarmStore, StoreRefusal } from "./store.ts";

/** Environment variable with the password; `…_FILE` names a file with it. */
export const PASSWORD_NAME = "POSEMARK_STORE_PASSWORD";

/**
 * Object of PostgreSQL's advisory lock that keeps two from changing the schema at once: "posemark"
 * in ASCII, cut to 31 bits.
 */
const SCHEMA_LOCK = 0x706f7365;

/** Times that a statement is tried when the connection is lost, with a pause that doubles. */
const TRIES = 6;
const FIRST_PAUSE_MS = 250;

/**
 * Errors after which the same statement may well succeed: connection lost, server starting,
 * stopping or asked to give way.
 */
const TRANSIENT = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "57P01",
  "57P02",
  "57P03",
  "40001",
  "40P01",
  "53300",
]);

/** Errors that a user who is not let in gets: invalid password, invalid authorization. */
const REFUSALS = new Set(["28P01", "28000"]);

/**
 * Returns the store at `postgres://user@host:port/database`; throws `store-failed` when it can't be
 * reached.
 */
export async function openPostgresStore(
  address: string,
  password: Secret | null,
): Promise<FarmStore> {
  const sql = openPostgres(address, password);
  try {
    return await openSqlStore(sql);
  } catch (error) {
    await sql[Symbol.asyncDispose]();
    throw error;
  }
}

/** How the link is protected, by libpq's `sslmode`. */
const TLS_MODES = {
  disable: false,
  prefer: "prefer",
  require: "require",
  "verify-full": "verify-full",
} as const;

/**
 * Returns the database at an address; it is first reached by the first statement.
 *
 * `sslmode` in the address is one of disable, prefer, require, verify-full; without it, prefer.
 */
export function openPostgres(address: string, password: Secret | null): Sql {
  const url = parseAddress("--store", address, ["postgres:", "postgresql:"], PASSWORD_NAME);
  const mode = url.searchParams.get("sslmode") ?? "prefer";
  if (!(mode in TLS_MODES)) {
    throw new HarnessError(
      "bad-option",
      `Cannot use --store with sslmode "${mode}": expected one of ${
        Object.keys(TLS_MODES).join(", ")
      }`,
    );
  }
  const text = {
    to: 25,
    from: [114, 3802],
    serialize: (value: unknown) => value,
    parse: (value: string) => value,
  };
  const database = decodeURIComponent(url.pathname.replace(/^\//, "")) || "postgres";
  const client = postgres({
    host: url.hostname,
    port: Number(url.port || 5432),
    database,
    username: decodeURIComponent(url.username) || "postgres",
    password: () => password?.reveal() ?? "",
    ssl: TLS_MODES[mode as keyof typeof TLS_MODES],
    max: 4,
    connect_timeout: 10,
    idle_timeout: 30,
    onnotice: () => {},
    // JSON goes in and comes out as text: records keep their bytes.
    types: { json: { ...text, to: 114 } },
    fetch_types: false,
    connection: { application_name: "posemark" },
  });
  const shown = address;

  const failed = (cause: unknown): unknown => {
    if (cause instanceof HarnessError) return cause;
    const { message, code } = cause as Error & { code?: string };
    const refusal: StoreRefusal | null = code !== undefined && REFUSALS.has(code)
      ? { refusalCode: code }
      : null;
    const advice = refusal !== null
      ? `Set ${PASSWORD_NAME}, or ${PASSWORD_NAME}_FILE to a file that holds the password`
      : "Is the server running, and the address right?";
    return new HarnessError(
      "store-failed",
      `Cannot use the store ${shown}: ${redact(message, [password])}. ${advice}`,
      { cause: refusal ?? undefined },
    );
  };
  const patiently = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let attempt = 1;; attempt++) {
      try {
        return await work();
      } catch (error) {
        const code = (error as { code?: string }).code ?? "";
        if (!TRANSIENT.has(code) || attempt === TRIES) throw failed(error);
        const pauseMs = FIRST_PAUSE_MS * 2 ** (attempt - 1);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  };
  type Client = { unsafe: typeof client.unsafe };
  const queriesOf = (inner: Client): SqlQueries => ({
    async query(text, values) {
      const rows = await inner.unsafe(text, values as SqlValue[] as never[], {
        prepare: values.length < 64,
      });
      return [...rows] as SqlRow[];
    },
    dialect: (text) =>
      text.replaceAll("{json}", "JSON").replaceAll("{bytes}", "BYTEA").replaceAll(
        "{forUpdate}",
        "FOR UPDATE",
      ),
    async lockSchema() {
      await inner.unsafe(`SELECT pg_advisory_xact_lock(${SCHEMA_LOCK})`);
    },
  });
  const outer = queriesOf(client);
  return {
    ...outer,
    query: (text, values) => patiently(() => outer.query(text, values)),
    address: shown,
    maxParameters: 3_000,
    transaction: <T>(work: (inside: SqlQueries) => Promise<T>) =>
      patiently(() =>
        client.begin((inner) => work(queriesOf(inner as unknown as Client))) as Promise<T>
      ),
    async [Symbol.asyncDispose]() {
      await client.end({ timeout: 5 });
    },
  };
}
