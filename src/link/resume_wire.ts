/**
 * How two hosts open a session over a socket, and open it again over another one when that was lost.
 *
 * | byte | what | then |
 * |---|---|---|
 * | 4 | received so many | a number of 6 bytes: messages of kind 0 to 3 since the session began |
 * | 5 | the accepting side's challenge, first on every socket | version (2), nonce (16) |
 * | 6 | the dialling side's answer | version (2), 0 for a new session or 1 to go on, session (16), received (6), proof (32) |
 * | 7 | the session is open | received (6) |
 *
 * Numbers are little-endian. Messages carry no number of their own: a socket keeps their order, so both
 * sides count. The proof is an HMAC-SHA-256 by the token (none is empty) over the nonce and all of the
 * answer that stands before the proof: what was recorded earlier opens nothing.
 */
// Not node:crypto, nor WebCrypto: a browser has the one not, and the other not on every page.
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { ProtocolError } from "../core/host_errors.ts";
import { PROTOCOL_VERSION } from "../core/protocol.ts";

/** What a message is: its first byte. 0 to 3 are the link's own. */
export const RECEIVED = 4, CHALLENGE = 5, ANSWER = 6, OPENED = 7;

/** The socket has vanished. */
export const CODE_LOST = 1006;

/** What was sent could not be read. */
export const CODE_UNREADABLE = 1002;

/** There is no room, for now. */
export const CODE_BUSY = 1013;

/** The session is not known: it was given up, or belongs to a host that was here before. */
export const CODE_UNKNOWN = 4001;

/** The proof is wrong, or the session is open already. */
export const CODE_REFUSED = 4002;

/** Nothing was heard for too long; never sent. */
export const CODE_SILENT = 4003;

/** Bytes of a nonce, and of what names a session: too many to guess. */
export const SECRET_BYTES = 16;

/** Bytes of a message that says how many were received. */
export const RECEIVED_BYTES = 7;

const CHALLENGE_BYTES = 3 + SECRET_BYTES;
const PROVEN_BYTES = 4 + SECRET_BYTES + 6;
const PROOF_BYTES = 32;
const HIGH = 2 ** 32;

/** What the dialling side wants. */
export interface Answer {
  /** Whether the session has been open before. */
  readonly resumes: boolean;
  /** Names it; known to its two sides alone. */
  readonly session: Uint8Array;
  /** Messages that the dialling side has got in it. */
  readonly received: number;
}

/** Random bytes that nobody guesses. */
export function newSecret(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
}

/** Says how many messages were received. */
export function writeReceived(
  kind: typeof RECEIVED | typeof OPENED,
  count: number,
): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(RECEIVED_BYTES);
  message[0] = kind;
  setCount(message, 1, count);
  return message;
}

/** Reads what {@linkcode writeReceived} wrote; -1 if it is something else. */
export function readReceived(kind: typeof RECEIVED | typeof OPENED, data: unknown): number {
  if (!(data instanceof ArrayBuffer) || data.byteLength !== RECEIVED_BYTES) return -1;
  const message = new Uint8Array(data);
  return message[0] === kind ? getCount(message, 1) : -1;
}

/** The first message on a socket. */
export function writeChallenge(nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(CHALLENGE_BYTES);
  message[0] = CHALLENGE;
  setVersion(message);
  message.set(nonce, 3);
  return message;
}

/**
 * The nonce in a challenge.
 *
 * @throws {ProtocolError} if it is none, or one of another version.
 */
export function readChallenge(data: unknown): Uint8Array {
  const message = messageOf(data, CHALLENGE, CHALLENGE_BYTES, "challenge");
  return message.subarray(3);
}

/** The answer to a challenge. */
export function writeAnswer(
  { resumes, session, received }: Answer,
  nonce: Uint8Array,
  token: string | null,
): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(PROVEN_BYTES + PROOF_BYTES);
  message[0] = ANSWER;
  setVersion(message);
  message[3] = resumes ? 1 : 0;
  message.set(session, 4);
  setCount(message, 4 + SECRET_BYTES, received);
  message.set(proofOf(message, nonce, token), PROVEN_BYTES);
  return message;
}

/**
 * Reads an answer; `undefined` if its proof is wrong.
 *
 * @throws {ProtocolError} if it is none, or one of another version.
 */
export function readAnswer(
  data: unknown,
  nonce: Uint8Array,
  token: string | null,
): Answer | undefined {
  const message = messageOf(data, ANSWER, PROVEN_BYTES + PROOF_BYTES, "answer to the challenge");
  const proof = message.subarray(PROVEN_BYTES);
  if (!isSame(proof, proofOf(message, nonce, token))) return undefined;
  return {
    resumes: message[3] === 1,
    session: message.slice(4, 4 + SECRET_BYTES),
    received: getCount(message, 4 + SECRET_BYTES),
  };
}

function proofOf(answer: Uint8Array, nonce: Uint8Array, token: string | null): Uint8Array {
  const proven = answer.subarray(0, PROVEN_BYTES);
  const key = new TextEncoder().encode(token ?? "");
  return hmac.create(sha256, key).update(nonce).update(proven).digest();
}

/** Whether two proofs are the same, in a time that says nothing of where they differ. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < PROOF_BYTES; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

function messageOf(data: unknown, kind: number, length: number, name: string): Uint8Array {
  const message = data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array();
  const version = message.length < 3 ? 0 : message[1]! + message[2]! * 256;
  // Whatever else another version may have changed.
  if (message[0] === kind && version !== PROTOCOL_VERSION) {
    throw new ProtocolError(
      `The other host speaks version ${version} of the protocol, this one version ${PROTOCOL_VERSION}`,
    );
  }
  if (message[0] !== kind || message.length !== length) {
    throw new ProtocolError(`Expected the ${name} of version ${PROTOCOL_VERSION} of the protocol`);
  }
  return message;
}

function setVersion(message: Uint8Array): void {
  message[1] = PROTOCOL_VERSION & 0xff;
  message[2] = PROTOCOL_VERSION >>> 8;
}

function setCount(message: Uint8Array, at: number, count: number): void {
  const view = new DataView(message.buffer);
  view.setUint32(at, count >>> 0, true);
  view.setUint16(at + 4, count / HIGH, true);
}

function getCount(message: Uint8Array, at: number): number {
  const view = new DataView(message.buffer, message.byteOffset);
  return view.getUint16(at + 4, true) * HIGH + view.getUint32(at, true);
}
