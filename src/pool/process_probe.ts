import { fork } from "node:child_process";
import { PoolStartError } from "../core/host_errors.ts";

/** What the other process tries. Not a file: of that Deno would take the deno.json beside it. */
const TRIAL = `data:text/javascript,${
  encodeURIComponent(
    'new Worker("data:text/javascript,", { type: "module", deno: { permissions: "none" } })' +
      ".terminate(); Deno.exit(0);",
  )
}`;

/** What Deno exits with where an unstable API is used that was not allowed. */
const EXIT_UNSTABLE = 70;

/**
 * Looks whether workers can have permissions of their own: Deno ends a program that asks for them without
 * having been told to allow it. So another process tries, which `fork` starts with this one's flags, those
 * of its deno.json included.
 *
 * @throws {PoolStartError} in phase `spawn` if not, saying what to do.
 */
export async function checkWorkerPermissions(): Promise<void> {
  // A compiled program has the flags that it was compiled with, and no deno to try them with.
  if (Deno.build.standalone || await exitOfTrial() !== EXIT_UNSTABLE) return;
  throw new PoolStartError(
    "A worker pool with permissions of its own needs Deno's worker options: put " +
      '"unstable": ["worker-options"] into deno.json or start with --unstable-worker-options, ' +
      "or take a processPool, which needs neither",
    "spawn",
  );
}

/** Its exit code; `null` if it could not be started: by a program that may run no others, say. */
function exitOfTrial(): Promise<number | null> {
  return new Promise((resolve) => {
    try {
      // No deno.json is in or above the root.
      const child = fork(TRIAL, { silent: true, cwd: "/" });
      child.on("error", () => resolve(null));
      child.on("exit", resolve);
    } catch {
      resolve(null);
    }
  });
}
