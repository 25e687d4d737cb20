/**
 * What the actors of a process pool may do, by Deno's names: all of a kind, none of it, or what is
 * listed. A kind that is left out is as the host has it, if the host has all or none of it; of what
 * the host has in part, the process has nothing, so list it.
 *
 * Actors' modules are loaded in the process: local ones take `read`, remote ones `import`.
 */
export interface ProcessPermissions {
  /** Environment variables, by name. */
  readonly env?: boolean | readonly string[];
  /** Native libraries, by path. */
  readonly ffi?: boolean | readonly (string | URL)[];
  /** Hosts to load remote modules from. */
  readonly import?: boolean | readonly string[];
  /** Hosts, with or without a port. */
  readonly net?: boolean | readonly string[];
  /** Files and folders. */
  readonly read?: boolean | readonly (string | URL)[];
  /** Programs, by name or path. */
  readonly run?: boolean | readonly (string | URL)[];
  /** What is known of the system, for example `hostname`. */
  readonly sys?: boolean | readonly string[];
  /** Files and folders. */
  readonly write?: boolean | readonly (string | URL)[];
}

/** A kind of permission. */
export type PermissionKind = keyof ProcessPermissions;

/** Every kind. */
export const PERMISSION_KINDS: readonly PermissionKind[] = [
  "env",
  "ffi",
  "import",
  "net",
  "read",
  "run",
  "sys",
  "write",
];

/**
 * Checks the permissions of a pool.
 *
 * @throws {TypeError} that names the kind.
 */
export function checkPermissions(permissions: ProcessPermissions): void {
  for (const [kind, value] of Object.entries(permissions)) {
    if (!PERMISSION_KINDS.includes(kind as PermissionKind)) {
      throw new TypeError(`permissions has kinds ${PERMISSION_KINDS.join(", ")}, got ${kind}`);
    }
    if (value === undefined || typeof value === "boolean" || Array.isArray(value)) continue;
    throw new TypeError(
      `permissions.${kind} is true, false or a list, got ${JSON.stringify(value)}`,
    );
  }
}
