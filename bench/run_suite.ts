/** Runs each suite in a process of its own. @module */
import type { Figure } from "./harness.ts";

/** What a suite has taken. */
export interface Taken {
  readonly figures: readonly Figure[];
  /** Plots as SVG, by name. */
  readonly plots: readonly (readonly [name: string, svg: string])[];
}

/** The same, and how its process ended. */
export interface Ran extends Taken {
  /** Its exit code: 0 if all went well. */
  readonly code: number;
}

const NOTHING: Taken = { figures: [], plots: [] };

/**
 * Runs a suite in a fresh process, which prints its figures as they come. In one process with others it would
 * find a heap that has grown and code that was optimised for what they do, which no program has.
 */
export async function runSuite(name: string): Promise<Ran> {
  const file = await Deno.makeTempFile({ prefix: "dramatis-bench-" });
  try {
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--allow-all",
        "--v8-flags=--expose-gc",
        new URL("./suite_process.ts", import.meta.url).href,
        name,
        file,
      ],
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    }).output();
    const text = await Deno.readTextFile(file);
    // One that was killed has written nothing.
    return { ...(text === "" ? NOTHING : JSON.parse(text) as Taken), code };
  } finally {
    await Deno.remove(file);
  }
}
