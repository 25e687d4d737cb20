import { ProtocolError } from "../core/host_errors.ts";
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

/** Sessions at a time, unless told: each may keep 64 MiB for the other side, and a cluster is a mesh. */
const MAX_SESSIONS = 1024;

/**
 * Signs of life that a session whose socket has ended may miss. The end of a process ends its sockets, and
 * whoever waits on it is to know within three; whoever lives sees that end too, and is back at once.
 */
const ENDED_BEATS = 2.5;

/** What somebody who opens a socket may be here: another host, or a client, which is no part of the cluster. */
export type LinkRole = "host" | "client";

/** How somebody was let in who opens a socket. */
export interface LinkAccess {
  readonly role: LinkRole;
  /** The secret that was shown, and that is to be proven; `null` where none is wanted. */
  readonly token: string | null;
  /** Where it comes from, for people. */
  readonly from: string;
}

/** What an acceptor needs, and whom it tells. */
export interface LinkAcceptorOptions extends ResumeOptions {
  readonly token: string | null;
  /** Sessions at a time, those that are interrupted too. @default {1024} */
  readonly maxSessions?: number;
  /** Somebody who may has opened a session. */
  onSocket(socket: ResumableSocket, access: LinkAccess): void;
  /** Somebody has not opened one because he may not, or does not know how. */
  onRefused?(message: string, access: LinkAccess): void;
}

/** Milliseconds until a session whose socket has ended is given up. */
export function endedGraceMs({ heartbeatMs, graceMs }: ResumeOptions): number {
  return Math.min(graceMs, ENDED_BEATS * heartbeatMs);
}

/** Takes sockets from other hosts: each begins a session or goes on with one. */
export class LinkAcceptor {
  readonly #options: LinkAcceptorOptions;
  readonly #sessions = new Map<string, { socket: ResumableSocket; role: LinkRole }>();
  /** How to give up those that have not answered yet, the oldest first. */
  readonly #unanswered = new Set<() => void>();

  constructor(options: LinkAcceptorOptions) {
    this.#options = options;
  }

  /** Takes a socket, which may not be open yet. */
  accept(
    socket: LinkSocket,
    access: LinkAccess = { role: "host", token: this.#options.token, from: "" },
  ): void {
    const { clock } = this.#options;
    if (this.#unanswered.size >= MAX_UNANSWERED) this.#unanswered.values().next().value!();
    const nonce = newSecret();
    const challenge = () => carrier.send(writeChallenge(nonce));
    const carrier = new Carrier(socket, {
      opened: challenge,
      closed: () => settle(),
      message: ({ data }) => {
        settle();
        try {
          this.#open(carrier, readAnswer(data, nonce, access.token), access);
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
          this.#refuse(carrier, CODE_UNREADABLE, error.message, access);
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

  #open(carrier: Carrier, answer: Answer | undefined, access: LinkAccess): void {
    if (answer === undefined) {
      return this.#refuse(carrier, CODE_REFUSED, "the proof is wrong", access);
    }
    const { maxSessions = MAX_SESSIONS } = this.#options;
    const name = answer.session.toHex();
    const known = this.#sessions.get(name);
    if (answer.resumes) {
      // One that was begun in another role is not found.
      if (known?.role !== access.role) {
        return carrier.close(CODE_UNKNOWN, "the session is not known here");
      }
      known.socket.attach(carrier, answer.received, opened);
    } else if (known !== undefined || answer.received !== 0) {
      this.#refuse(carrier, CODE_REFUSED, "the session has begun already", access);
    } else if (this.#sessions.size >= maxSessions) {
      this.#refuse(carrier, CODE_BUSY, `more than ${maxSessions} sessions`, access);
    } else {
      this.#begin(carrier, name, access);
    }
  }

  #refuse(carrier: Carrier, code: number, reason: string, access: LinkAccess): void {
    carrier.close(code, reason);
    this.#options.onRefused?.(reason, access);
  }

  #begin(carrier: Carrier, name: string, access: LinkAccess): void {
    const socket = new ResumableSocket({
      ...this.#options,
      endedGraceMs: endedGraceMs(this.#options),
      // Whoever has dialled dials again.
      onInterrupted: () => {},
    });
    this.#sessions.set(name, { socket, role: access.role });
    socket.ended.addEventListener("abort", () => this.#sessions.delete(name));
    this.#options.onSocket(socket, access);
    socket.attach(carrier, 0, opened);
  }
}

function opened(received: number): Uint8Array<ArrayBuffer> {
  return writeReceived(OPENED, received);
}
