/** The module graph as Deno sees it. */
import type { Import } from "./rules.ts";

/** The root of the repository, with a slash at its end. */
export const ROOT: URL = new URL("../../", import.meta.url);

interface Resolved {
  readonly specifier?: string;
}

interface InfoModule {
  readonly specifier: string;
  readonly error?: string;
  readonly dependencies?: readonly {
    readonly specifier: string;
    readonly isDynamic?: boolean;
    readonly code?: Resolved;
    readonly type?: Resolved;
  }[];
}

/** Everything that a module imports, directly or not. */
export async function importsOf(entry: string): Promise<Import[]> {
  const imports: Import[] = [];
  for (const { specifier, error, dependencies = [] } of await modulesOf(entry)) {
    if (error !== undefined) throw new Error(`${specifier}: ${error}`);
    for (const { code, type } of dependencies) {
      const from = nameOf(specifier);
      if (code?.specifier !== undefined) {
        imports.push({ from, to: nameOf(code.specifier), typeOnly: false });
      }
      if (type?.specifier !== undefined) {
        imports.push({ from, to: nameOf(type.specifier), typeOnly: true });
      }
    }
  }
  return imports;
}

/** The modules that must have been loaded before a module runs, itself included. */
export async function loadedWith(entry: string): Promise<string[]> {
  const modules = new Map((await modulesOf(entry)).map((one) => [one.specifier, one]));
  const loaded = new Set([new URL(entry, ROOT).href]);
  for (const specifier of loaded) {
    for (const { code, isDynamic } of modules.get(specifier)?.dependencies ?? []) {
      if (code?.specifier !== undefined && isDynamic !== true) loaded.add(code.specifier);
    }
  }
  return [...loaded].map(nameOf);
}

async function modulesOf(entry: string): Promise<readonly InfoModule[]> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: ROOT,
    stderr: "inherit",
  });
  const { stdout, success } = await command.output();
  if (!success) throw new Error(`deno info ${entry} failed`);
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: InfoModule[] };
  return modules;
}

/** A module's path from the root, or its package without the version. */
function nameOf(specifier: string): string {
  if (specifier.startsWith(ROOT.href)) return specifier.slice(ROOT.href.length);
  const [, name] = /^npm:\/?(@[^/@]+\/[^/@]+|[^/@]+)/.exec(specifier) ?? [];
  return name === undefined ? specifier : `npm:${name}`;
}

/** Every TypeScript file under a folder of the repository. */
export async function* sourcesUnder(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* sourcesUnder(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}
