import process from "node:process";
import { type AdapterSelector, type GpuProvider, isNamed } from "../provider.ts";

/** The package with Dawn. Not to be seen by those who gather dependencies: it is 132 MB and optional. */
const PACKAGE = "npm:webgpu@^0.6.2";

/** What we use of it. */
interface DawnModule {
  create(options: string[]): GPU;
}

/**
 * Dawn, Chrome's implementation: its maps do not block the isolate, adapters are chosen by name, and
 * its `null` backend computes nothing, which leaves the cost of what is above it.
 *
 * @throws {Error} When the package cannot be loaded.
 */
export async function dawnProvider(): Promise<GpuProvider> {
  let dawn: DawnModule;
  try {
    dawn = await import(PACKAGE);
  } catch (cause) {
    throw new Error(
      `the provider "dawn" needs ${PACKAGE}, and the permissions to read and to load it ` +
        `(--allow-read --allow-ffi): ${(cause as Error).message}`,
      { cause },
    );
  }
  return {
    name: "dawn",
    strippedEnables: [],
    takesOffsetArrays: false, // 4.0 µs, and 2.7 µs from a list
    async adapter({ name, backend, software }: AdapterSelector): Promise<GPUAdapter | null> {
      const options = [
        ...(backend === null ? [] : [`backend=${backend}`]),
        ...(name === null ? [] : [`adapter=${name}`]),
      ];
      const instance = dawn.create(options);
      // Its devices do not hold it, and crash the process when it is collected: at any time before the end.
      process.once("exit", () => instance);
      const adapter = await instance.requestAdapter({ forceFallbackAdapter: software });
      return adapter !== null && isNamed(adapter, name) ? adapter : null;
    },
  };
}
