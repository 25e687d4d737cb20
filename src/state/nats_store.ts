import { connect, type NatsConnection } from "@nats-io/transport-node";
import { jetstream, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { type KV, type KvEntry, Kvm } from "@nats-io/kv";
import { SnapshotError } from "../core/errors.ts";
import type { SnapshotSlot, SnapshotStore } from "./store.ts";
import { fenced, unusable } from "./store_errors.ts";

/** Every option of {@linkcode natsStore}, decided. */
export interface ResolvedNatsStore {
  readonly servers: readonly string[];
  readonly bucket: string;
  readonly replicas: number;
  readonly timeoutMs: number;
  readonly user: string | null;
  readonly password: string | null;
}

/** JetStream's code for a write whose expected revision is not the last one. */
const WRONG_REVISION = 10071;

/** The bytes of a claim's name, before those of the snapshot. */
const OWNER_BYTES = 36;

/** What a message has beside its payload, at most. */
const OVERHEAD_BYTES = 1024;

/**
 * Opens the bucket.
 *
 * @throws {SnapshotError} if no server answers, or has no JetStream.
 */
export async function openNatsStore(options: ResolvedNatsStore): Promise<SnapshotStore> {
  const { servers, bucket, replicas, timeoutMs: timeout, user, password } = options;
  let nats: NatsConnection | undefined;
  try {
    nats = await connect({
      servers: [...servers],
      ...(user === null ? {} : password === null ? { token: user } : { user, pass: password }),
      name: "dramatis snapshots",
      maxReconnectAttempts: -1,
      timeout,
    });
    const name = `${bucket}-snapshots`;
    // Reads go to the leader: a copy that lags behind would bring back an older state.
    const kvm = new Kvm(jetstream(nats, { timeout }));
    const kv = await kvm.create(name, { history: 1, replicas, allow_direct: false });
    const streams = await jetstreamManager(nats, { timeout });
    return new NatsStore({ nats, kv, streams, name, where: servers.join(", ") });
  } catch (cause) {
    await nats?.close();
    throw unusable(
      `The snapshots at ${servers.join(", ")} cannot be used: it needs a NATS server with ` +
        `JetStream (nats-server -js)`,
      cause,
    );
  }
}

interface Parts {
  readonly nats: NatsConnection;
  readonly kv: KV;
  readonly streams: JetStreamManager;
  readonly name: string;
  readonly where: string;
}

/** {@linkcode natsStore}, opened. */
class NatsStore implements SnapshotStore {
  readonly scope = "cluster";
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async claim(key: string): Promise<SnapshotSlot> {
    const slot = new NatsSlot(this.#parts, key);
    await slot.claim();
    return slot;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.nats.close();
  }
}

/** One claim of a key: the value there begins with its name, and every write expects the last revision. */
class NatsSlot implements SnapshotSlot {
  bytes: Uint8Array | null = null;
  readonly #parts: Parts;
  readonly #name: string;
  readonly #key: string;
  readonly #owner = crypto.randomUUID();
  #revision = 0;

  constructor(parts: Parts, name: string) {
    this.#parts = parts;
    this.#name = name;
    this.#key = new TextEncoder().encode(name)
      .toBase64({ alphabet: "base64url", omitPadding: true });
  }

  async claim(): Promise<void> {
    try {
      for (;;) {
        const entry = await this.#entry();
        const value = entry?.value ?? null;
        const bytes = value === null || ownerOf(value) === null
          ? new Uint8Array()
          : value.subarray(OWNER_BYTES);
        const revision = await this.#write(bytes, entry?.revision ?? 0);
        if (revision === null) continue;
        this.#revision = revision;
        this.bytes = bytes.length === 0 ? null : bytes.slice();
        return;
      }
    } catch (cause) {
      throw this.#unusable(cause);
    }
  }

  async put(bytes: Uint8Array): Promise<void> {
    const limit = (this.#parts.nats.info?.max_payload ?? 2 ** 20) - OWNER_BYTES - OVERHEAD_BYTES;
    if (bytes.length > limit) {
      throw new SnapshotError(
        `The snapshot of ${this.#name} has ${bytes.length} bytes, and NATS takes ${limit}: ` +
          `keep less, or raise the server's max_payload`,
        "size",
      );
    }
    try {
      for (;;) {
        const revision = await this.#write(bytes, this.#revision);
        if (revision !== null) {
          this.#revision = revision;
          return;
        }
        // An earlier write may have arrived whose answer has not.
        const entry = await this.#entry();
        if (entry === null || ownerOf(entry.value) !== this.#owner) throw fenced(this.#name);
        this.#revision = entry.revision;
      }
    } catch (cause) {
      throw cause instanceof SnapshotError ? cause : this.#unusable(cause);
    }
  }

  async delete(): Promise<void> {
    const { streams, name } = this.#parts;
    try {
      // Not a delete of the bucket's: that leaves a mark, for ever, for every key there ever was.
      const filter = `$KV.${name}.${this.#key}`;
      await streams.streams.purge(`KV_${name}`, { filter, seq: this.#revision + 1 });
    } catch (cause) {
      throw this.#unusable(cause);
    }
  }

  async #entry(): Promise<KvEntry | null> {
    const entry = await this.#parts.kv.get(this.#key);
    return entry?.operation === "PUT" ? entry : null;
  }

  /** @returns The revision that was written; `null` if another write came first. */
  async #write(bytes: Uint8Array, last: number): Promise<number | null> {
    const { kv } = this.#parts;
    const value = new Uint8Array(OWNER_BYTES + bytes.length);
    new TextEncoder().encodeInto(this.#owner, value);
    value.set(bytes, OWNER_BYTES);
    try {
      return last === 0
        ? await kv.create(this.#key, value)
        : await kv.update(this.#key, value, last);
    } catch (error) {
      if ((error as { code?: unknown }).code === WRONG_REVISION) return null;
      throw error;
    }
  }

  #unusable(cause: unknown): SnapshotError {
    return unusable(`The snapshot of ${this.#name} at ${this.#parts.where}`, cause);
  }
}

/** Whose value it is; `null` if it is none of ours. */
function ownerOf(value: Uint8Array): string | null {
  return value.length < OWNER_BYTES
    ? null
    : new TextDecoder().decode(value.subarray(0, OWNER_BYTES));
}
