/**
 * The little of a database that history and farm need, the same for SQLite and PostgreSQL.
 *
 * @module
 */

/** Value of a parameter or a cell. JSON columns take and give text. */
export type SqlValue = string | number | bigint | null | Uint8Array;

/** One row by column name. */
export type SqlRow = Record<string, SqlValue>;

/** Statements, alone or within a transaction. Parameters are `$1`, `$2`, … */
export interface SqlQueries {
  /** Returns the rows of one statement. */
  query(text: string, values: readonly SqlValue[]): Promise<SqlRow[]>;
  /**
   * Returns the statement with `{json}`, `{bytes}`, `{id}` (a key that the database counts),
   * `{clustered}` (rows lie by their key) and `{forUpdate}` in the database's own words.
   */
  dialect(text: string): string;
  /** Returns the names of the tables. */
  tableNames(): Promise<string[]>;
  /** Largest number of parameters of a statement. */
  readonly maxParameters: number;
  /** Waits until no other transaction changes the schema. */
  lockSchema(): Promise<void>;
}

/** An open database. */
export interface Sql extends SqlQueries, AsyncDisposable {
  /** Address without a password. */
  readonly address: string;
  /**
   * Runs the work in one transaction that others see whole or not at all. The work may run again
   * after a lost connection.
   */
  transaction<T>(work: (inside: SqlQueries) => Promise<T>): Promise<T>;
}

/**
 * Inserts the rows with as few statements as the limit on parameters allows, and returns what
 * `RETURNING` in the tail gives.
 */
export async function insertRows(
  into: SqlQueries,
  head: string,
  tail: string,
  rows: readonly (readonly SqlValue[])[],
): Promise<SqlRow[]> {
  const perStatement = Math.max(1, Math.floor(into.maxParameters / (rows[0]?.length ?? 1)));
  const inserted: SqlRow[] = [];
  for (let start = 0; start < rows.length; start += perStatement) {
    const part = rows.slice(start, start + perStatement);
    let next = 1;
    const places = part.map((row) => `(${row.map(() => `$${next++}`).join(", ")})`);
    const text = `${head} VALUES ${places.join(", ")} ${tail}`;
    for (const row of await into.query(text, part.flat())) inserted.push(row);
  }
  return inserted;
}
