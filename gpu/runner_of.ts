import { ChainRunner } from "./chain_runner.ts";
import type { Declaration } from "./declaration.ts";
import type { GpuHandle } from "./device.ts";
import { KernelRunner } from "./kernel_runner.ts";
import type { Runner } from "./runner.ts";

/**
 * What runs a kernel on a device.
 *
 * @param name What it is called in messages.
 */
export function runnerOf(
  gpu: GpuHandle,
  declaration: Declaration,
  name: string = declaration.name,
): Runner {
  switch (declaration.kind) {
    case "wgsl":
      return new KernelRunner(gpu, name, declaration.options);
    case "chain":
      return new ChainRunner(gpu, name, declaration, runnerOf);
    default:
      return declaration satisfies never;
  }
}
