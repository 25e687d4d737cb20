import { formatHostId, type HostId, isClient } from "../../core/address.ts";
import { ProtocolError } from "../../core/host_errors.ts";
import { isBetweenActors, isMessage, type RawFrame } from "../../core/protocol.ts";
import type { PeersOptions } from "./peers_options.ts";
import type { Peer } from "../router.ts";
import type { Routes } from "./routes.ts";
import { ownPools } from "./strangers.ts";

/** What takes the frames of other hosts. */
export interface PeerFramesOptions
  extends Pick<PeersOptions, "router" | "codec" | "onMessage" | "onPools" | "onLost"> {
  readonly routes: Routes;
}

/** What the frames mean that a linked host or client says to this host in its own name. */
export class PeerFrames {
  readonly #options: PeerFramesOptions;

  constructor(options: PeerFramesOptions) {
    this.#options = options;
  }

  /**
   * Takes a frame.
   *
   * @throws {ProtocolError} if who has sent it may not.
   */
  take(frame: RawFrame, from: HostId): void {
    const { router, onMessage } = this.#options;
    const { kind } = frame;
    if (isBetweenActors(kind)) {
      if (isMessage(kind)) onMessage?.();
      return router.forward(frame);
    }
    if (kind !== "pools" && kind !== "down" && kind !== "hosts") {
      throw new ProtocolError(`Host ${formatHostId(from)} may not send ${kind} frames`);
    }
    if (isClient(from)) throw new ProtocolError("A client has no pools to speak of");
    this.#update(frame, router.peers.get(from));
  }

  #update(raw: RawFrame, peer: Peer | undefined): void {
    const { codec, routes, onPools, onLost } = this.#options;
    const frame = codec.decode(raw);
    if (frame.kind === "hosts") return routes.told(raw.from.host, frame);
    if (frame.kind === "pools" && peer !== undefined) {
      peer.pools = ownPools(frame.pools, peer.id);
      peer.toldAt = performance.now();
      onPools?.(peer.id);
      routes.described(peer.id, peer.pools);
    }
    if (frame.kind !== "down") return;
    if (frame.host !== raw.from.host || frame.pool === null) {
      throw new ProtocolError("A host can only report its own pools as gone");
    }
    if (!(frame.error instanceof Error)) throw new ProtocolError("A pool ends with an error");
    onLost(frame.host, frame.pool, frame.error);
  }
}
