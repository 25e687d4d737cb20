/** Two links over sockets that are resumed, inside one isolate. @module */
import { ManualClock } from "@dramatis/dramatis/testing";
import { Codec } from "../../src/core/codec.ts";
import type { Link } from "../../src/link/link.ts";
import { LinkAcceptor } from "../../src/link/link_acceptor.ts";
import { openResumable } from "../../src/link/reconnect.ts";
import type { ResumableSocket } from "../../src/link/resumable_socket.ts";
import { webSocketLink } from "../../src/link/websocket.ts";
import { random } from "../contract/link_helpers.ts";
import { MemoryNetwork } from "./memory_network.ts";

/** How the pair is made. */
export interface ResumedOptions {
  readonly graceMs?: number;
  readonly token?: string;
}

/** A pair, what carries it, and the time that it goes by. */
export class Resumed {
  readonly clock = new ManualClock();
  readonly codec = new Codec();
  readonly acceptor: LinkAcceptor;
  readonly network: MemoryNetwork;
  readonly options: { clock: ManualClock; heartbeatMs: number; graceMs: number; token: string };
  /** The accepted end; there is one for each session. */
  readonly accepted: ResumableSocket[] = [];
  near!: ResumableSocket;
  a!: Link;
  b!: Link;

  private constructor({ graceMs = 10_000, token = "secret" }: ResumedOptions) {
    this.options = { clock: this.clock, heartbeatMs: 1000, graceMs, token };
    this.acceptor = new LinkAcceptor({
      ...this.options,
      onSocket: (socket) => this.accepted.push(socket),
    });
    this.network = new MemoryNetwork((socket) => this.acceptor.accept(socket));
  }

  static async open(options: ResumedOptions = {}): Promise<Resumed> {
    const pair = new Resumed(options);
    pair.near = await pair.dial();
    pair.a = webSocketLink(pair.near, pair.codec);
    pair.b = webSocketLink(pair.accepted[0]!, pair.codec);
    return pair;
  }

  /** Opens one more session. */
  dial(token: string = this.options.token): Promise<ResumableSocket> {
    return openResumable({
      ...this.options,
      token,
      random: random(1),
      dial: (take, again) => this.network.dial(take, again?.signal),
    }, (socket) => socket);
  }
}
