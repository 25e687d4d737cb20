import type { PoolSpec } from "../actor/pool_spec.ts";
import type { PoolMaker } from "../pool/pool.ts";

/** The modules of this package, one of which makes the spec. */
const PACKAGE = new URL("../../", import.meta.url).href;

const MAKERS: readonly string[] = ["workerPool", "processPool", "gpuPool"];

/**
 * Makes a spec again that was made in another isolate.
 *
 * @throws {TypeError} if it is none of this package.
 */
export async function specOf(maker: PoolMaker): Promise<PoolSpec> {
  const { module, name, options } = Object(maker) as Partial<PoolMaker>;
  const isOurs = typeof module === "string" && module.startsWith(PACKAGE) &&
    typeof name === "string" && MAKERS.includes(name);
  const make = isOurs ? (await import(module))[name] : undefined;
  if (typeof make !== "function") {
    throw new TypeError(`A pool is made by ${MAKERS.join(", ")}, got ${JSON.stringify(maker)}`);
  }
  return make(options);
}
