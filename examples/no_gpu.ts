/** What the examples say where there is no GPU: that another device computes is never silent. @module */
import type { PoolDescription } from "@dramatis/dramatis";

/** A line for people if a kernel was placed on a CPU; nothing if it was not. */
export function noGpuNotice({ name, device }: PoolDescription): string | undefined {
  if (device.kind !== "cpu") return undefined;
  return `No GPU adapter here: the kernel's CPU twin takes its place in ${name}. ` +
    "For a software GPU on Debian: apt-get install mesa-vulkan-drivers libvulkan1";
}
