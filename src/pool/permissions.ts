/**
 * What the actors of a worker or process pool may do, by Deno's names: all of a kind, none of it, or
 * what is listed. A kind that is left out is as the host has it; a process has all or none of it, and
 * of what the host has in part, nothing, so list it.
 *
 * Actors' modules are loaded in the pool: local ones take `read`, remote ones `import`.
 */
export interface PoolPermissions {
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
export type PermissionKind = keyof PoolPermissions;

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
 * Checks the permissions of a pool; of one that has those of its host it has none to say.
 *
 * @throws {TypeError} that names the kind.
 */
export function resolvePermissions(
  permissions: "inherit" | PoolPermissions = "inherit",
): PoolPermissions {
  if (permissions === "inherit") return {};
  if (typeof permissions !== "object" || permissions === null) {
    throw new TypeError(
      `permissions is "inherit" or an object, got ${JSON.stringify(permissions)}`,
    );
  }
  for (const [kind, value] of Object.entries(permissions)) {
    if (!PERMISSION_KINDS.includes(kind as PermissionKind)) {
      throw new TypeError(`permissions has kinds ${PERMISSION_KINDS.join(", ")}, got ${kind}`);
    }
    if (value === undefined || typeof value === "boolean" || Array.isArray(value)) continue;
    throw new TypeError(
      `permissions.${kind} is true, false or a list, got ${JSON.stringify(value)}`,
    );
  }
  return permissions;
}
