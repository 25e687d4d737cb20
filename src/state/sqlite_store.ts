import { statSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { SnapshotSlot, SnapshotStore } from "./store.ts";
import { fenced, unusable } from "./store_errors.ts";

/** Bumped when the table is no longer what it was. */
const SCHEMA_VERSION = 1;

/**
 * Opens the file.
 *
 * @throws {SnapshotError} if it cannot be used, or another host has it.
 */
export async function openSqlite(
  path: string,
  survives: "power" | "process",
): Promise<SnapshotStore> {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    // Two hosts that share a file would each fence the actors of the other.
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL");
    database.exec(`PRAGMA synchronous = ${survives === "power" ? "FULL" : "NORMAL"}`);
    const { user_version } = database.prepare("PRAGMA user_version").get()!;
    if (user_version !== 0 && user_version !== SCHEMA_VERSION) {
      throw new TypeError(`it is of version ${user_version}, expected ${SCHEMA_VERSION}`);
    }
    database.exec(`
      CREATE TABLE IF NOT EXISTS snapshots (key TEXT PRIMARY KEY, owner TEXT NOT NULL, bytes BLOB) STRICT;
      PRAGMA user_version = ${SCHEMA_VERSION}
    `);
    return await Promise.resolve(new SqliteStore(path, database));
  } catch (cause) {
    database?.close();
    throw unusable(
      `The snapshots in ${path} cannot be used (a file belongs to one host at a time)`,
      cause,
    );
  }
}

/** Something to do in the next transaction. */
interface Work {
  run(): unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** {@linkcode sqliteStore}, opened. */
class SqliteStore implements SnapshotStore {
  readonly scope = "host";
  readonly #path: string;
  /** The number of the file; `null` if it has none, as what is in memory alone. */
  readonly #file: number | null;
  readonly #database: DatabaseSync;
  readonly #read: StatementSync;
  readonly #claim: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  #waiting: Work[] = [];
  #flush: ReturnType<typeof setImmediate> | undefined;
  #isClosed = false;

  constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#file = numberOf(path);
    this.#database = database;
    this.#read = database.prepare("SELECT bytes FROM snapshots WHERE key = ?");
    this.#claim = database.prepare(
      "INSERT INTO snapshots (key, owner) VALUES (?, ?) ON CONFLICT DO UPDATE SET owner = excluded.owner",
    );
    this.#put = database.prepare("UPDATE snapshots SET bytes = ? WHERE key = ? AND owner = ?");
    this.#delete = database.prepare("DELETE FROM snapshots WHERE key = ? AND owner = ?");
  }

  async claim(key: string): Promise<SnapshotSlot> {
    const owner = crypto.randomUUID();
    const bytes = await this.#soon(() => {
      const row = this.#read.get(key);
      this.#claim.run(key, owner);
      return row?.bytes instanceof Uint8Array ? row.bytes : null;
    }) as Uint8Array | null;
    return {
      bytes,
      put: async (bytes) => {
        if (!await this.#soon(() => this.#put.run(bytes, key, owner).changes)) throw fenced(key);
      },
      delete: async () => void await this.#soon(() => this.#delete.run(key, owner)),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    clearImmediate(this.#flush);
    this.#commit();
    this.#isClosed = true;
    this.#database.close();
    return Promise.resolve();
  }

  /** A flush of the disk takes milliseconds: what comes in one turn shares it. */
  #soon(run: () => unknown): Promise<unknown> {
    if (this.#isClosed) {
      return Promise.reject(unusable(this.#path, new TypeError("the store is closed")));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ run, resolve, reject });
      this.#flush ??= setImmediate(() => this.#commit());
    });
  }

  #commit(): void {
    this.#flush = undefined;
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    try {
      // SQLite goes on in a file that has no name any more, and nobody would find it again.
      if (numberOf(this.#path) !== this.#file) {
        throw new TypeError("the file was removed or replaced while the host uses it");
      }
      this.#database.exec("BEGIN IMMEDIATE");
      const results = waiting.map(({ run }) => run());
      this.#database.exec("COMMIT");
      waiting.forEach(({ resolve }, i) => resolve(results[i]));
    } catch (cause) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      const error = unusable(`Snapshots could not be written to ${this.#path}`, cause);
      for (const { reject } of waiting) reject(error);
    }
  }
}

/** What tells a file from another at the same path; `null` if there is none. */
function numberOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? null;
}
