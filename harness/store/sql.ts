/**
 * The little of a database that the farm's store needs, the same for SQLite and PostgreSQL.
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
   * Returns the statement with `{json}`, `{bytes}` and `{forUpdate}` in the database's own words.
   */
  dialect(text: string): string;
  /** Waits until no other transaction changes the schema. */
  lockSchema(): Promise<void>;
}

/** An open database. */
export interface Sql extends SqlQueries, AsyncDisposable {
  /** Address without a password. */
  readonly address: string;
  /** Largest number of parameters of a statement. */
  readonly maxParameters: number;
  /**
   * Runs the work in one transaction that others see whole or not at all. The work may run again
   * after a lost connection.
   */
  transaction<T>(work: (inside: SqlQueries) => Promise<T>): Promise<T>;
}
