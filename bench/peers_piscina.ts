/** The task of piscina. @module */

/** The smallest useful task. */
export default function add(k: number): number {
  return k + 1;
}
