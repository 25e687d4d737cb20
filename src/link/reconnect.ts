import type { Clock } from "../core/clock.ts";
import { DramatisError } from "../core/errors.ts";
import { HostLostError, LinkRefusedError, ProtocolError } from "../core/host_errors.ts";
import { Carrier } from "./carrier.ts";
import { endedGraceMs } from "./link_acceptor.ts";
import type { LinkSocket } from "./link_socket.ts";
import { type Interruption, ResumableSocket, type ResumeOptions } from "./resumable_socket.ts";
import {
  CODE_LOST,
  CODE_REFUSED,
  CODE_UNKNOWN,
  CODE_UNREADABLE,
  newSecret,
  OPENED,
  readChallenge,
  readReceived,
  writeAnswer,
} from "./resume_wire.ts";

/** Milliseconds before the first attempt to go on, at most; each later one waits up to twice as long. */
const FIRST_DELAY_MS = 50;

/** Of a heartbeat: the longest wait between two attempts. Short enough that a death is known within three. */
const LAST_DELAY_BEATS = 0.25;

/** Milliseconds until a dial is given up and repeated: the system repeats a lost first packet after 1 s, and then 3. */
const REDIAL_TIMEOUT_MS = 2_000;

/** Milliseconds until an open socket must have brought a whole handshake. */
const HANDSHAKE_TIMEOUT_MS = 5_000;

/** What dialling again needs beside. */
export interface ReconnectOptions extends ResumeOptions {
  readonly token: string | null;
  /** Numbers from 0 to below 1. */
  readonly random: () => number;
  /**
   * Opens a socket to the other host. Rejects with a `HostLostError`, or a `LinkRefusedError`, which is final.
   *
   * @param take Gets it before its first message.
   * @param again What ends an attempt to go on, and after how many milliseconds it is given up.
   */
  dial(
    take: (socket: LinkSocket) => Carrier,
    again?: { readonly signal: AbortSignal; readonly timeoutMs: number },
  ): Promise<Carrier>;
}

/**
 * Opens a session with the host that `dial` leads to; when its socket is lost, dials again until the session
 * goes on or its time is over.
 *
 * A dial that is refused says that no process is there: for 2.5 heartbeats it may be a restart of something on the
 * way; after that the host is dead. A dial without an answer says nothing, and is repeated until the grace is over.
 *
 * @param take Gets it before its first message.
 *
 * @throws {LinkRefusedError} if the other side does not let us in.
 * @throws {ProtocolError} if it speaks another version, or something else.
 * @throws {HostLostError} if nobody answers.
 */
export async function openResumable<T>(
  options: ReconnectOptions,
  take: (socket: ResumableSocket) => T,
): Promise<T> {
  const reconnector = new Reconnector(options);
  const taken = take(reconnector.socket);
  await reconnector.open(undefined);
  return taken;
}

class Reconnector {
  readonly socket: ResumableSocket;
  readonly #options: ReconnectOptions;
  readonly #session = newSecret();
  #isBegun = false;
  #openedAt = -Infinity;
  #delayMs = FIRST_DELAY_MS;

  constructor(options: ReconnectOptions) {
    this.#options = options;
    this.socket = new ResumableSocket({
      ...options,
      // Dialling itself finds out when there is nobody any more.
      endedGraceMs: options.graceMs,
      onInterrupted: (how) => void this.#reopen(how),
    });
  }

  /** Dials once. */
  async open(signal: AbortSignal | undefined): Promise<void> {
    const { dial, clock } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // It may fail before it is waited for.
    promise.catch(() => {});
    const take = (socket: LinkSocket) => {
      const carrier: Carrier = new Carrier(socket, {
        closed: (code, reason) => reject(closeError(code, reason)),
        message: ({ data }) => {
          try {
            this.#answer(carrier, readChallenge(data), resolve, reject);
          } catch (error) {
            reject(error);
          }
        },
      });
      return carrier;
    };
    const carrier = await dial(take, signal && { signal, timeoutMs: REDIAL_TIMEOUT_MS });
    const aborted = () => reject(signal!.reason);
    signal?.addEventListener("abort", aborted);
    if (signal?.aborted) aborted();
    const timer = clock.setTimeout(
      () => reject(new HostLostError(`No handshake within ${HANDSHAKE_TIMEOUT_MS} ms`, "silent")),
      HANDSHAKE_TIMEOUT_MS,
    );
    try {
      await promise;
    } catch (error) {
      carrier.drop();
      throw error;
    } finally {
      clock.clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
    }
  }

  /** Answers the challenge, and goes on as soon as that was right: what follows it is the session's already. */
  #answer(
    carrier: Carrier,
    nonce: Uint8Array,
    resolve: () => void,
    reject: (error: Error) => void,
  ): void {
    const { socket } = this;
    carrier.handler = {
      closed: carrier.handler.closed,
      message: ({ data }) => {
        const received = readReceived(OPENED, data);
        try {
          if (received < 0) throw new ProtocolError("Expected the session to be opened");
          socket.attach(carrier, received);
          this.#isBegun = true;
          this.#openedAt = this.#options.clock.now();
          resolve();
        } catch (error) {
          reject(error as Error);
        }
      },
    };
    const answer = {
      resumes: this.#isBegun,
      session: this.#session,
      received: socket.received,
    };
    carrier.send(writeAnswer(answer, nonce, this.#options.token));
  }

  async #reopen(how: Interruption): Promise<void> {
    const { clock, random, heartbeatMs } = this.#options;
    const { ended } = this.socket;
    let refusedSince = how === "ended" ? clock.now() : undefined;
    let leftMs = Infinity;
    // A socket that is lost at once again has not earned a quick return.
    if (clock.now() - this.#openedAt >= heartbeatMs) this.#delayMs = FIRST_DELAY_MS;
    for (;; this.#delayMs *= 2) {
      // At random, so that those who have lost the same host do not all come back at once.
      const longestMs = Math.min(this.#delayMs, LAST_DELAY_BEATS * heartbeatMs, leftMs);
      await sleep(clock, longestMs * random(), ended);
      if (ended.aborted) return;
      try {
        await this.open(ended);
        this.#delayMs *= 2;
        return;
      } catch (error) {
        if (isFinal(error)) return this.socket.end(CODE_LOST, (error as Error).message);
        refusedSince = isRefused(error) ? refusedSince ?? clock.now() : undefined;
      }
      leftMs = refusedSince === undefined
        ? Infinity
        : refusedSince + endedGraceMs(this.#options) - clock.now();
      if (leftMs <= 0) return this.socket.end(CODE_LOST, "nobody listens there any more");
    }
  }
}

/** Whether dialling again cannot help. */
function isFinal(error: unknown): boolean {
  return error instanceof LinkRefusedError || error instanceof ProtocolError ||
    !(error instanceof DramatisError);
}

/** Whether the machine is there, and no process listens. */
function isRefused(error: unknown): boolean {
  const { cause } = error as Error;
  return (cause as { code?: unknown } | undefined)?.code === "ECONNREFUSED";
}

/** Why a socket ended before its session was open. */
function closeError(code: number, reason: string): Error {
  switch (code) {
    case CODE_UNREADABLE:
      return new ProtocolError(`The other host could not read the handshake: ${reason}`);
    case CODE_REFUSED:
    case CODE_UNKNOWN:
      return new LinkRefusedError(`The other host refused the session: ${reason}`);
    default:
      return new HostLostError(
        `The connection ended in the handshake (${[`code ${code}`, reason].join(", ")})`,
        "lost",
      );
  }
}

/** Waits, unless the signal aborts. */
function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clock.clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
