/** What a runtime with Node's `process` says of the CPU time of the thread that asks, in microseconds. */
interface ThreadTimes {
  threadCpuUsage?(): { readonly user: number; readonly system: number };
}

/** Which part of the time a thread is busy. */
export class ThreadShare {
  #at: number | undefined;
  #cpuMs = 0;

  /** The part since it was last read; `null` if it never was, or the runtime does not say. */
  read(): number | null {
    const cpuMs = threadCpuMs();
    if (cpuMs === null) return null;
    const now = performance.now();
    const share = this.#at === undefined ? null : (cpuMs - this.#cpuMs) / (now - this.#at);
    this.#at = now;
    this.#cpuMs = cpuMs;
    return share === null || !(share >= 0) ? null : Math.min(1, share);
  }
}

function threadCpuMs(): number | null {
  const { process } = globalThis as { process?: ThreadTimes };
  try {
    const usage = process?.threadCpuUsage?.();
    return usage === undefined ? null : (usage.user + usage.system) / 1000;
  } catch {
    // The platform has no such clock.
    return null;
  }
}
