import type { HostId, PoolAddress } from "../core/address.ts";

/** When each pool was chosen last. Numbers that grow; asked for every pool in every decision. */
export class Turns {
  readonly #hosts = new Map<HostId, number[]>();
  #last = 0;
  /** The host that was asked for last: its pools follow each other. */
  #host: HostId | undefined;
  #turns: readonly number[] | undefined;

  /** 0 if it never was. */
  of(address: PoolAddress): number {
    if (address.host !== this.#host) {
      this.#host = address.host;
      this.#turns = this.#hosts.get(address.host);
    }
    return this.#turns?.[address.pool] ?? 0;
  }

  /** It is now. */
  take({ host, pool }: PoolAddress): void {
    let turns = this.#hosts.get(host);
    if (turns === undefined) {
      this.#hosts.set(host, turns = []);
      this.#host = undefined;
    }
    turns[pool] = ++this.#last;
  }

  /** It was then. */
  back({ host, pool }: PoolAddress, turn: number): void {
    const turns = this.#hosts.get(host);
    if (turns !== undefined) turns[pool] = turn;
  }

  /** A host is gone. */
  forget(host: HostId): void {
    this.#hosts.delete(host);
    this.#host = undefined;
  }
}
