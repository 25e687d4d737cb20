import type { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import { type Clock, SYSTEM_CLOCK } from "../../core/clock.ts";
import type { GatewayLimits } from "./limits.ts";
import type { LinkRole } from "../../link/link_acceptor.ts";
import { tokenOfProtocols } from "../../link/subprotocol.ts";
import { Problem } from "./problem.ts";

/**
 * What a token lets its holder do: a `host` is a part of the cluster; a `client` calls actors and makes
 * those of registered types; a `reader` looks.
 */
export type Role = LinkRole | "reader";

/** Who may come in. */
export interface DoorOptions {
  readonly token: string | null;
  readonly clientToken: string | null;
  readonly readToken: string | null;
  readonly limits: Readonly<Required<GatewayLimits>>;
  readonly clock?: Clock;
}

/** A secret, what it is compared by, and what it lets its holder be. */
interface Key {
  readonly role: Role;
  readonly token: string;
  readonly digest: Buffer;
}

/** Decides who comes in, before anything of a request is looked at but its headers. */
export class Door {
  readonly #keys: readonly Key[];
  readonly #limits: Readonly<Required<GatewayLimits>>;
  readonly #clock: Clock;
  #requests = 0;
  #onEmpty: (() => void) | undefined;
  #links = 0;
  #handshakes: number;
  #refilledAt: number;

  constructor({ token, clientToken, readToken, limits, clock = SYSTEM_CLOCK }: DoorOptions) {
    this.#keys = [
      ...keyOf("host", token),
      ...keyOf("client", clientToken),
      ...keyOf("reader", readToken),
    ];
    this.#limits = limits;
    this.#clock = clock;
    this.#handshakes = limits.handshakesPerSecond;
    this.#refilledAt = clock.now();
  }

  /** Requests under way. */
  get requests(): number {
    return this.#requests;
  }

  /** Links that other hosts have opened and that are open. */
  get links(): number {
    return this.#links;
  }

  /**
   * What the token of a request is for. A web page is a client at most: whoever has written it, it runs
   * for whoever has opened it.
   *
   * @throws {Problem} if it has none, or a wrong one.
   */
  accessOf(headers: Headers): { readonly role: Role; readonly token: string | null } {
    const { role, token } = this.#keyOf(headers);
    const isPage = headers.has("origin");
    return { role: role === "host" && isPage ? "client" : role, token };
  }

  #keyOf(headers: Headers): { readonly role: Role; readonly token: string | null } {
    if (this.#keys.length === 0) return { role: "host", token: null };
    const given = digest(credentialsOf(headers));
    // All of them always: how long it takes says nothing of which it was.
    const [key] = this.#keys.filter((one) => timingSafeEqual(given, one.digest));
    if (key !== undefined) return key;
    throw new Problem(
      401,
      "token",
      "This host wants its token: Authorization: Bearer … (hosts: start with the same)",
      { headers: { "www-authenticate": 'Bearer realm="dramatis"' } },
    );
  }

  /**
   * A request begins. To be ended by {@linkcode leave}.
   *
   * @throws {Problem} if there are too many.
   */
  enter(): void {
    if (this.#requests >= this.#limits.requests) throw busy("requests", this.#limits.requests);
    this.#requests++;
  }

  /** A request is over. */
  leave(): void {
    if (--this.#requests === 0) this.#onEmpty?.();
  }

  /** Waits until no request is under way, but not for longer; whether it came to that. */
  async empty(ms: number): Promise<boolean> {
    if (this.#requests === 0) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    const timer = this.#clock.setTimeout(resolve, ms);
    await promise;
    this.#clock.clearTimeout(timer);
    return this.#requests === 0;
  }

  /**
   * Another host opens a link. To be ended by {@linkcode unlink}.
   *
   * @throws {Problem} if there are too many, or too many a second.
   */
  link(): void {
    const { links, handshakesPerSecond: most } = this.#limits;
    if (this.#links >= links) throw busy("links", links);
    const now = this.#clock.now();
    this.#handshakes = Math.min(most, this.#handshakes + most * (now - this.#refilledAt) / 1000);
    this.#refilledAt = now;
    if (this.#handshakes < 1) {
      throw new Problem(429, "rate", `This host takes ${most} new links a second: try again`, {
        headers: { "retry-after": "1" },
      });
    }
    this.#handshakes--;
    this.#links++;
  }

  /** A link is over. */
  unlink(): void {
    this.#links--;
  }
}

function keyOf(role: Role, token: string | null): Key[] {
  return token === null ? [] : [{ role, token, digest: digest(`Bearer ${token}`) }];
}

/** As a header says them, or the WebSocket of a browser, which can send no headers. */
function credentialsOf(headers: Headers): string {
  const given = headers.get("authorization");
  if (given !== null) return given;
  const token = tokenOfProtocols(headers.get("sec-websocket-protocol") ?? "");
  return token === undefined ? "" : `Bearer ${token}`;
}

function busy(what: string, most: number): Problem {
  return new Problem(503, "busy", `This host has ${most} ${what} already, which is its limit`, {
    headers: { "retry-after": "1" },
  });
}

/** Digests are compared, in a time that says nothing of where the texts differ. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
