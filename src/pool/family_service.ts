import type { ActorAddress } from "../core/address.ts";

/** Whose child an actor is. */
export interface ParentLink extends Pick<ActorAddress, "host" | "uid" | "generation"> {
  /** Which of its children. */
  readonly child: number;
  /** Whether the parent's host is asked before the child is made again. */
  readonly asks: boolean;
}

/** What hosts, and the pools of one, tell each other of parents and children; a part of the host's actor. */
export interface FamilyService {
  /** An actor of that host has failed, and ended in its pool. */
  failed(uid: string, generation: number, reason: Error): void;
  /** A child of an actor of that host has died: resolves when it may be made again. */
  childTurn(parent: ParentLink, reason: Error): Promise<void>;
  /** It has been made again. */
  childMade(parent: ParentLink): void;
  /** It has ended, and is not made again. */
  childEnded(parent: ParentLink, reason: Error): void;
  /** A child of that host is to be made again: it is ended, killed past the time, and asks for its turn. */
  restartChild(uid: string, parent: ParentLink, stopTimeoutMs: number): Promise<void>;
  /** A child of that host ends. */
  endChild(uid: string, parent: ParentLink, kill: boolean): Promise<void>;
  /** An actor of the host that says so has ended: children of it that this one is just making do too. */
  endMaking(uid: string, generation: number): Promise<void>;
}

/** Whether a value is such a link: other hosts may write what they like. */
export function isParentLink(value: unknown): value is ParentLink {
  if (typeof value !== "object" || value === null) return false;
  const { host, uid, generation, child, asks } = value as Record<string, unknown>;
  return [host, generation, child].every(Number.isSafeInteger) && typeof uid === "string" &&
    typeof asks === "boolean";
}

/** Whether both are of the same child of the same instance of a parent. */
export function isSameChild(a: ParentLink, b: ParentLink): boolean {
  return a.host === b.host && a.uid === b.uid && a.generation === b.generation &&
    a.child === b.child;
}
