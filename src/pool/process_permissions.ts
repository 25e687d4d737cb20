import { fileURLToPath } from "node:url";
import { PERMISSION_KINDS, type PermissionKind, type PoolPermissions } from "./permissions.ts";
import type { DoorKey } from "./process_door.ts";

/** Every kind, decided. `inherit` is what the child's main isolate has. */
export type GrantedPermissions = Readonly<
  Record<PermissionKind, boolean | "inherit" | readonly string[]>
>;

/** What a pool's actors get, all kinds decided. */
export function grant(permissions: PoolPermissions): GrantedPermissions {
  const granted = PERMISSION_KINDS.map((kind) => [kind, grantOf(kind, permissions[kind])]);
  return Object.fromEntries(granted) as GrantedPermissions;
}

function grantOf(
  kind: PermissionKind,
  asked: boolean | readonly (string | URL)[] | undefined,
): boolean | "inherit" | readonly string[] {
  if (typeof asked === "boolean") return asked;
  if (asked !== undefined) return pathsOf(asked);
  // There is a list of well-known hosts that everybody may import from.
  return isGranted(kind) || (kind === "import" && "inherit");
}

function pathsOf(asked: readonly (string | URL)[]): string[] {
  return asked.map((one) => one instanceof URL ? fileURLToPath(one) : one);
}

/** The options of a worker whose actors get these; what is not said is as in this isolate. */
export function workerOptions(permissions: PoolPermissions): WorkerOptions {
  const granted = PERMISSION_KINDS.map((kind) => {
    const asked = permissions[kind];
    const value = asked === undefined || typeof asked === "boolean" ? asked : pathsOf(asked);
    return [kind, value ?? "inherit"];
  });
  return { deno: { permissions: Object.fromEntries(granted) } };
}

/** Whether this process has all of a kind. */
function isGranted(kind: PermissionKind): boolean {
  const { state, partial } = Deno.permissions.querySync({ name: kind });
  return state === "granted" && !partial;
}

/** What the main isolate of a child needs, so that its worker can get its permissions from it. */
export function permissionFlags(granted: GrantedPermissions): string[] {
  return PERMISSION_KINDS.filter((kind) => granted[kind] !== "inherit").map((kind) =>
    `--allow-${kind}`
  );
}

/** Adds what a worker needs to connect to its host. */
export function addDoor(
  granted: GrantedPermissions,
  { address }: DoorKey,
): { permissions: GrantedPermissions; revoke: Deno.PermissionDescriptor[] } {
  const needs = address.transport === "unix"
    ? [
      { kind: "read", value: address.path, one: { name: "read", path: address.path } },
      { kind: "write", value: address.path, one: { name: "write", path: address.path } },
      netNeed(`unix:${address.path}`),
    ] as const
    : [netNeed(`${address.hostname}:${address.port}`)] as const;
  const missing = needs.filter(({ kind }) => granted[kind] !== true);
  const added = missing.map(({ kind, value }) => {
    const has = granted[kind];
    return [kind, [...Array.isArray(has) ? has : [], value]];
  });
  return {
    permissions: { ...granted, ...Object.fromEntries(added) },
    revoke: missing.map(({ one }) => one),
  };
}

function netNeed(host: string) {
  return { kind: "net", value: host, one: { name: "net", host } } as const;
}
