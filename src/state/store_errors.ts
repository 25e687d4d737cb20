/** What the stores refuse with. */
import { SnapshotError } from "../core/errors.ts";

/** A slot whose key was claimed again. */
export function fenced(key: string): SnapshotError {
  return new SnapshotError(
    `A later instance of ${key} has taken its place: what this one would save is refused`,
    "fenced",
  );
}

/** A store that cannot be used. */
export function unusable(what: string, cause: unknown): SnapshotError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SnapshotError(`${what}: ${reason}`, "store", { cause });
}
