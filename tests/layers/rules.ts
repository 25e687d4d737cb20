/** The rules of DESIGN section 2, as functions of imports and sources: each returns what is wrong. */

/** One import: files as paths from the root of the repository, packages as `npm:name`. */
export interface Import {
  readonly from: string;
  readonly to: string;
  /** Erased when the code runs. */
  readonly typeOnly: boolean;
}

/** The folders and how high each stands; what is at the root is above all of them. */
const LAYERS: Readonly<Record<string, number>> = {
  "src/core": 0,
  "src/link": 1,
  "src/actor": 1,
  "src/schedule": 1,
  "src/pool": 2,
  "src/host": 3,
  // Between actors and pools: every pool has a part of it.
  "src/debug": 1.5,
  // What is kept of actors: pools have their part of it, and hosts the stores.
  "src/state": 1.6,
  "src/observe": 3,
  // A host to nobody, made of some parts of one.
  "src/client": 3.5,
  "gpu": 3,
  "src/cli": 4,
  "src/testing": 4,
};

/** The file that is above all folders. */
const TOP = "mod.ts";

/** Packages that belong to one place. */
const PACKAGE_HOMES: Readonly<Record<string, RegExp>> = {
  "@nats-io/transport-node": /^src\/(host\/directory|state)\//,
  "@nats-io/jetstream": /^src\/(host\/directory|state)\//,
  "@nats-io/kv": /^src\/(host\/directory|state)\//,
  hono: /^src\/host\/gateway\//,
  ws: /^src\/link\//,
  "@types/ws": /^src\/link\//,
  "@noble/hashes": /^src\/link\//,
  "@msgpack/msgpack": /^src\/core\//,
  wgsl_reflect: /^gpu\//,
};

/** Globals that belong to one place; each is a pattern for code without comments and strings. */
const GLOBAL_HOMES: readonly { name: string; use: RegExp; home: RegExp }[] = [
  { name: "Worker", use: /\bnew Worker\b/, home: /^(src\/pool|gpu)\// },
  {
    name: "WebSocket",
    use: /(?<!["'.\w])WebSocket(Stream)?\b(?!Client)/,
    home: /^src\/link\//,
  },
  { name: "navigator.gpu", use: /\bnavigator\s*\.\s*gpu\b/, home: /^gpu\// },
  {
    name: "Deno",
    use: /(?<![.\w$])Deno\s*[.[]/,
    home: /^src\/(host\/gateway\/(server|tls_front)\.ts$|pool\/process|cli\/)/,
  },
];

/** Module-level variables that are known: assigned once, while their class is defined. */
const KNOWN_VARIABLES: ReadonlySet<string> = new Set([
  "src/actor/actor.ts: bindContext",
  "src/host/host.ts: peersOf",
]);

function folderOf(file: string): string {
  const parts = file.split("/").slice(0, -1);
  return parts.slice(0, parts[0] === "src" ? 2 : 1).join("/");
}

/** Imports of a sibling or higher layer, and files that are in no layer. */
export function wrongLayers(imports: readonly Import[]): string[] {
  const wrong: string[] = [];
  for (const { from, to } of imports) {
    if (to.startsWith("npm:") || to.startsWith("node:") || from === TOP) continue;
    const [source, target] = [folderOf(from), folderOf(to)];
    if (!Object.hasOwn(LAYERS, source)) wrong.push(`${from} is in no layer`);
    else if (!Object.hasOwn(LAYERS, target)) wrong.push(`${from} imports ${to}, above all layers`);
    else if (source !== target && LAYERS[target]! >= LAYERS[source]!) {
      wrong.push(
        `${from} (layer ${LAYERS[source]}) imports ${to} (layer ${LAYERS[target]})`,
      );
    }
  }
  return wrong;
}

/** Imports of packages outside their home. */
export function wrongPackages(imports: readonly Import[]): string[] {
  return imports.filter(({ from, to }) => {
    const name = to.startsWith("npm:") ? to.slice("npm:".length) : undefined;
    return name !== undefined && PACKAGE_HOMES[name]?.test(from) === false;
  }).map(({ from, to }) => `${from} imports ${to}`);
}

/** Circles of imports that exist when the code runs; types alone may refer to each other. */
export function circles(imports: readonly Import[]): string[] {
  const targets = Map.groupBy(imports.filter(({ typeOnly }) => !typeOnly), ({ from }) => from);
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) found.push([...path.slice(start), file].join(" -> "));
    if (start >= 0 || done.has(file)) return;
    for (const { to } of targets.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return found;
}

/** Globals used outside their home, and variables at the top level of a module. */
export function wrongSource(file: string, text: string): string[] {
  const code = bareCode(text);
  const wrong = GLOBAL_HOMES
    .filter(({ use, home }) => use.test(code) && !home.test(file))
    .map(({ name }) => `${file} uses ${name}`);
  // Formatted code has nothing but top-level statements at the start of a line.
  for (const [, , name] of code.matchAll(/^(export )?(?:let|var) ([\w$]+)/gm)) {
    if (!KNOWN_VARIABLES.has(`${file}: ${name}`)) {
      wrong.push(`${file} has the variable ${name} at its top level`);
    }
  }
  for (const [, name] of code.matchAll(MUTABLE_CONSTANT)) {
    wrong.push(`${file} has a collection that can change at its top level: ${name}`);
  }
  return wrong;
}

/** A top-level `const` that holds a collection which its type does not make read-only. */
const MUTABLE_CONSTANT =
  /^(?:export )?const ([\w$]+)(?:: (?!Readonly)[^=]*)? = new (?:Weak)?(?:Map|Set)\b/gm;

/** The code with comments and the contents of strings and regular expressions blanked out. */
export function bareCode(text: string): string {
  let bare = "";
  for (const [token] of text.matchAll(TOKEN)) {
    if (token.startsWith("//") || token.startsWith("/*")) {
      bare += token.replace(/[^\n]/g, " ");
    } else if (/^["']./.test(token) || /^\/./.test(token)) {
      bare += token[0] + token.slice(1, -1).replace(/[^\n]/g, " ") + token.at(-1);
    } else bare += token;
  }
  return bare;
}

/**
 * A comment, a string, a regular expression (which only follows an operator or an opening bracket, with
 * what it follows), or anything else up to where one of them may begin. Code inside a template's `${}`
 * is left as it is.
 */
const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|(?<=[(,=:[!&|?{};]\s*)\/(?![/*])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*|[\s\S]/g;
