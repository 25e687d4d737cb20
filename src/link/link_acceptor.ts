import { ProtocolError } from "../core/errors.ts";
import { Carrier } from "./carrier.ts";
import type { LinkSocket } from "./link_socket.ts";
import { ResumableSocket, type ResumeOptions } from "./resumable_socket.ts";
import {
  type Answer,
  CODE_BUSY,
  CODE_REFUSED,
  CODE_UNKNOWN,
  CODE_UNREADABLE,
  newSecret,
  OPENED,
  readAnswer,
  writeChallenge,
  writeReceived,
} from "./resume_wire.ts";

/** Milliseconds until whoever has opened a socket must have answered the challenge. */
const ANSWER_TIMEOUT_MS = 5_000;

/** Sockets whose other side has not answered yet: past it the one that has been silent longest goes. */
const MAX_UNANSWERED = 256;

/** Sessions at a time: each may keep 64 MiB for the other side, and a cluster is a mesh. */
const MAX_SESSIONS = 1024;

/**
 * Signs of life that a session whose socket has ended may miss. The end of a process ends its sockets, and
 * whoever waits on it is to know within three; whoever lives sees that end too, and is back at once.
 */
const ENDED_BEATS = 2.5;

/** What an acceptor needs, and whom it tells. */
export interface LinkAcceptorOptions extends ResumeOptions {
  readonly token: string | null;
  /** Somebody who may has opened a session. */
  onSocket(socket: ResumableSocket): void;
}

/** Milliseconds until a session whose socket has ended is given up. */
export function endedGraceMs({ heartbeatMs, graceMs }: ResumeOptions): number {
  return Math.min(graceMs, ENDED_BEATS * heartbeatMs);
}

/** Takes sockets from other hosts: each begins a session or goes on with one. */
export class LinkAcceptor {
  readonly #options: LinkAcceptorOptions;
  readonly #sessions = new Map<string, ResumableSocket>();
  /** How to give up those that have not answered yet, the oldest first. */
  readonly #unanswered = new Set<() => void>();

  constructor(options: LinkAcceptorOptions) {
    this.#options = options;
  }

  /** Takes a socket, which may not be open yet. */
  accept(socket: LinkSocket): void {
    const { clock, token } = this.#options;
    if (this.#unanswered.size >= MAX_UNANSWERED) this.#unanswered.values().next().value!();
    const nonce = newSecret();
    const challenge = () => carrier.send(writeChallenge(nonce));
    const carrier = new Carrier(socket, {
      opened: challenge,
      closed: () => settle(),
      message: ({ data }) => {
        settle();
        try {
          this.#open(carrier, readAnswer(data, nonce, token));
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
          carrier.close(CODE_UNREADABLE, error.message);
        }
      },
    });
    const giveUp = () => {
      settle();
      carrier.close(CODE_BUSY, "no answer to the challenge");
    };
    const timer = clock.setTimeout(giveUp, ANSWER_TIMEOUT_MS);
    const settle = () => {
      clock.clearTimeout(timer);
      this.#unanswered.delete(giveUp);
    };
    this.#unanswered.add(giveUp);
    if (carrier.isOpen) challenge();
  }

  /** Gives up whoever has not answered yet. Sessions go on until their links end. */
  close(): void {
    for (const giveUp of [...this.#unanswered]) giveUp();
  }

  #open(carrier: Carrier, answer: Answer | undefined): void {
    if (answer === undefined) return carrier.close(CODE_REFUSED, "the proof is wrong");
    const name = answer.session.toHex();
    const known = this.#sessions.get(name);
    if (answer.resumes) {
      if (known === undefined) return carrier.close(CODE_UNKNOWN, "the session is not known here");
      known.attach(carrier, answer.received, opened);
    } else if (known !== undefined || answer.received !== 0) {
      carrier.close(CODE_REFUSED, "the session has begun already");
    } else if (this.#sessions.size >= MAX_SESSIONS) {
      carrier.close(CODE_BUSY, `more than ${MAX_SESSIONS} sessions`);
    } else {
      this.#begin(carrier, name);
    }
  }

  #begin(carrier: Carrier, name: string): void {
    const socket = new ResumableSocket({
      ...this.#options,
      endedGraceMs: endedGraceMs(this.#options),
      // Whoever has dialled dials again.
      onInterrupted: () => {},
    });
    this.#sessions.set(name, socket);
    socket.ended.addEventListener("abort", () => this.#sessions.delete(name));
    this.#options.onSocket(socket);
    socket.attach(carrier, 0, opened);
  }
}

function opened(received: number): Uint8Array<ArrayBuffer> {
  return writeReceived(OPENED, received);
}
