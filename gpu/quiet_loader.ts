import { tmpdir } from "node:os";
import process from "node:process";

/** On Linux the driver loader tries every backend and complains of each on standard error. */
export function quietLoader(): void {
  if (process.platform !== "linux") return;
  try {
    process.env["DENO_WEBGPU_BACKEND"] ??= "vulkan";
    process.env["XDG_RUNTIME_DIR"] ??= tmpdir();
  } catch {
    // Without the permission it is loud, and works.
  }
}
