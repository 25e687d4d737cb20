/** What the mailbox should do, said a second time: slow and plain. */
import type { PoolAddress } from "../../src/core/address.ts";
import type { Waiting } from "../../src/core/mailbox.ts";
import type { MailboxBounds } from "../../src/core/protocol.ts";

/** A message that is nothing else. */
export class Mail implements Waiting {
  constructor(
    readonly name: string | number,
    readonly from: PoolAddress = pool(1),
    readonly priority = 0,
    readonly bytes = 1,
  ) {}
}

/** A pool of the one host. */
export function pool(number: number): PoolAddress {
  return { host: 7, pool: number };
}

/** All the rules again, by one list in the order of arrival and no thought of time. */
export class Model {
  waiting: Mail[] = [];
  constructor(readonly bounds: MailboxBounds) {}

  push(mail: Mail): Mail[] {
    const { messages, bytes, overflow } = this.bounds;
    const isOver = (list: Mail[], bound: "messages" | "bytes") =>
      bound === "bytes" ? sum(list) + mail.bytes > bytes : list.length + 1 > messages;
    const isFull = (list: Mail[]) => isOver(list, "bytes") || isOver(list, "messages");
    if (!isFull(this.waiting)) return this.#take(mail, []);
    if (mail.bytes > bytes) return [mail];
    const bound = isOver(this.waiting, "bytes") ? "bytes" : "messages";
    let victims: Mail[];
    if (overflow === "reject") {
      const weight = (list: Mail[]) => bound === "bytes" ? sum(list) : list.length;
      const of = (from: PoolAddress) => this.waiting.filter((one) => one.from.pool === from.pool);
      const own = weight([...of(mail.from), mail]);
      const floods = this.waiting.map(({ from }) => of(from)).filter((all) =>
        weight(all) > 2 * own
      );
      if (floods.length === 0) return [mail];
      const most = Math.max(...floods.map(weight));
      const heaviest = floods.filter((all) => weight(all) === most);
      // Of equals any will do: the model follows the mailbox.
      victims = this.#ranked(heaviest.find((all) => all[0]!.from === this.choose)!, false);
    } else {
      const mayGo = this.waiting.filter(({ priority }) => priority <= mail.priority);
      victims = this.#ranked(mayGo, overflow === "dropOldest");
    }
    for (let count = 1; count <= victims.length; count++) {
      const lost = victims.slice(0, count);
      if (!isFull(this.waiting.filter((one) => !lost.includes(one)))) return this.#take(mail, lost);
    }
    return [mail];
  }

  /** Whose flood is to go, where several are the same. */
  choose: PoolAddress | undefined;

  take(): Mail | undefined {
    const highest = Math.max(...this.waiting.map(({ priority }) => priority));
    const next = this.waiting.find(({ priority }) => priority === highest);
    this.waiting = this.waiting.filter((one) => one !== next);
    return next;
  }

  remove(matches: (mail: Mail) => boolean): Mail[] {
    const removed = this.waiting.filter(matches);
    this.waiting = this.waiting.filter((one) => !removed.includes(one));
    return removed;
  }

  #take(mail: Mail, lost: Mail[]): Mail[] {
    this.waiting = [...this.waiting.filter((one) => !lost.includes(one)), mail];
    return lost;
  }

  /** In the order in which they must go. */
  #ranked(list: Mail[], oldest: boolean): Mail[] {
    const byAge = oldest ? list : list.toReversed();
    return byAge.toSorted((a, b) => a.priority - b.priority);
  }
}

/** The bytes of all. */
export function sum(list: readonly Mail[]): number {
  return list.reduce((bytes, mail) => bytes + mail.bytes, 0);
}
