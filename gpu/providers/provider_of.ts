/** The implementations of WebGPU, each loaded when it is asked for. */

import type { GpuProvider, GpuProviderName } from "../provider.ts";

/**
 * The provider of a name.
 *
 * @throws {Error} When its package cannot be loaded, saying why.
 */
export async function providerOf(name: GpuProviderName): Promise<GpuProvider> {
  switch (name) {
    case "deno": {
      const { denoProvider } = await import("./deno.ts");
      return denoProvider;
    }
    case "dawn": {
      const { dawnProvider } = await import("./dawn.ts");
      return await dawnProvider();
    }
    default:
      name satisfies never;
      throw new TypeError(`provider is "deno" or "dawn", got ${JSON.stringify(name)}`);
  }
}
