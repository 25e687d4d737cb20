import type { NodeRef } from "./nodes.ts";
import { LIMITS } from "./protocol.ts";
import { pathTo, Refusal } from "./refusal.ts";

/** The nodes of one table while it is built. */
export class NodeTable {
  readonly nodes: unknown[][] = [];
  /** Per node: its reference, the node it was found in, its object while that is to be visited. */
  readonly #refs: NodeRef[] = [];
  readonly #parents: number[] = [];
  readonly #sources: (object | undefined)[] = [];
  /** The nodes of the objects that were met. */
  known: Map<object, NodeRef> = new Map();
  /** The node whose parts are being found, -1 for none. */
  visiting = -1;
  #count = 0;

  /** There is one more value. */
  count(): void {
    if (++this.#count <= LIMITS.nodes) return;
    throw new Refusal(
      `past the ${LIMITS.nodes} values that one message may have`,
      "send it in parts, or numbers as a typed array",
    );
  }

  /** Adds a node that nothing else will refer to. */
  add(...node: unknown[]): NodeRef {
    const ref: NodeRef = [this.nodes.length];
    this.nodes.push(node);
    this.#refs.push(ref);
    this.#parents.push(this.visiting);
    this.#sources.push(undefined);
    this.count();
    return ref;
  }

  /** Adds the node of an object. */
  keep(value: object, ...node: unknown[]): NodeRef {
    const ref = this.add(...node);
    this.known.set(value, ref);
    return ref;
  }

  /** Adds the node of an object whose parts are added when it is visited. */
  open(source: object, type: number): NodeRef {
    const ref = this.keep(source, type);
    this.#sources[ref[0]] = source;
    return ref;
  }

  /** Whether a node is still to be visited. */
  isOpen(index: number): boolean {
    return this.#sources[index] !== undefined;
  }

  /** Begins to visit a node: its object. */
  visit(index: number): object {
    const source = this.#sources[index]!;
    this.#sources[index] = undefined;
    this.visiting = index;
    return source;
  }

  /** The reference of a node. */
  refOf(index: number): NodeRef {
    return this.#refs[index]!;
  }

  /** A node was met again, in the one that is being visited, which is where it counts. */
  adopt(index: number): void {
    this.#parents[index] = this.visiting;
  }

  /** Where in the value the node is that is being visited. */
  path(root: string): string {
    return pathTo(root, this.nodes, this.#refs, this.#parents, this.visiting);
  }
}
