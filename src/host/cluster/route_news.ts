import type { HostId } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import type { HostRoute, HostsFrame } from "../../core/protocol.ts";

/** What one host tells another of third ones. */
export type HostsNews = Pick<HostsFrame, "gone" | "known">;

/** Whom the news go to, and what they say. */
export interface RouteNewsOptions {
  readonly clock: Clock;
  /** The linked hosts. */
  linked(): Iterable<HostId>;
  /** What a linked host need be told of these. */
  routesFor(to: HostId, hosts: readonly HostId[]): HostRoute[];
  /** Tells a linked host. */
  tell(to: HostId, news: HostsNews): void;
}

/** Milliseconds between two words on the load of third hosts: whoever is linked with them hears of it sooner. */
const LOAD_REPORT_MS = 1000;

/** Tells the linked hosts of changes in the routes: all of a turn at once, and of load once a second. */
export class RouteNews {
  readonly #options: RouteNewsOptions;
  readonly #gone = new Set<HostId>();
  readonly #changed = new Set<HostId>();
  #isArmed = false;
  #loadTimer: unknown;

  constructor(options: RouteNewsOptions) {
    this.#options = options;
  }

  /** There is no way by this host any more. */
  gone(host: HostId): void {
    this.#gone.add(host);
    this.#changed.delete(host);
    this.#arm();
  }

  /** There is a way, or another one. */
  changed(host: HostId): void {
    this.#changed.add(host);
    this.#arm();
  }

  /** A host has other load. */
  load(host: HostId): void {
    this.#changed.add(host);
    this.#loadTimer ??= this.#options.clock.setTimeout(() => {
      this.#loadTimer = undefined;
      this.flush();
    }, LOAD_REPORT_MS);
  }

  /** Tells what there is to tell now. */
  flush(): void {
    const { linked, routesFor, tell } = this.#options;
    const gone = [...this.#gone];
    const changed = [...this.#changed];
    this.#gone.clear();
    this.#changed.clear();
    if (gone.length === 0 && changed.length === 0) return;
    for (const to of linked()) {
      const news = { gone: gone.filter((host) => host !== to), known: routesFor(to, changed) };
      if (news.gone.length > 0 || news.known.length > 0) tell(to, news);
    }
  }

  /** Tells of no load any more. */
  stop(): void {
    this.#options.clock.clearTimeout(this.#loadTimer);
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    queueMicrotask(() => {
      this.#isArmed = false;
      this.flush();
    });
  }
}
