import { Actor, actor, type SnapshotInfo } from "@dramatis/dramatis";

/** An entry of an account. */
export interface Entry {
  readonly cents: number;
  readonly text: string;
}

/** An account whose entries are kept. */
@actor(import.meta, { name: "bank.Account", version: "1" })
export class Account extends Actor {
  readonly #owner: string;
  #entries: Entry[] = [];
  #restoredAt: number | null = null;

  constructor(owner: string) {
    super();
    this.#owner = owner;
  }

  override snapshot(): Entry[] {
    return this.#entries;
  }

  override restore(entries: Entry[], { savedAt }: SnapshotInfo): void {
    this.#entries = entries;
    this.#restoredAt = savedAt;
  }

  /** Notes an entry. Once this is answered, it is on the disk. */
  async note(entry: Entry): Promise<number> {
    if (!Number.isSafeInteger(entry.cents)) {
      throw new RangeError(`cents is a whole number, got ${entry.cents}`);
    }
    this.#entries.push(entry);
    await this.context.save();
    return this.balance();
  }

  /** The sum of all entries, in cents. */
  balance(): number {
    return this.#entries.reduce((sum, { cents }) => sum + cents, 0);
  }

  /** All of it, for people. */
  statement(): string {
    const entries = this.#entries.map(({ cents, text }) => `${text} ${(cents / 100).toFixed(2)}`);
    const from = this.#restoredAt === null ? "new" : "kept";
    return `${this.#owner} (${from}): ${entries.join(", ")}`;
  }

  /** Takes its pool along. */
  crash(): void {
    setTimeout(() => {
      throw new Error("the pool crashes");
    }, 0);
  }
}
