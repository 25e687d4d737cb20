/** Integer constant expressions of WGSL, as far as attributes use them. */

/** The text of each module-scope `const` and `override`, by name; `null` has no value of its own. */
export type ConstantScope = ReadonlyMap<string, string | null>;

const TOKEN = /\s*(0[xX][0-9a-fA-F]+|\d+|[A-Za-z_]\w*|<<|>>|[-+*/%(),&|])[iu]?/y;

function tokens(text: string): string[] {
  const found: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const m = TOKEN.exec(text);
    if (m === null) {
      if (text.slice(at).trim() === "") break;
      throw new SyntaxError(`cannot read "${text.slice(at).trim()}" as an integer expression`);
    }
    // The suffix of a number is dropped; a name keeps its last letter.
    found.push(/^\d/.test(m[1]!) ? m[1]! : m[0].trim());
  }
  return found;
}

const OPERATORS: readonly Readonly<Record<string, (a: number, b: number) => number>>[] = [
  { "|": (a, b) => a | b },
  { "&": (a, b) => a & b },
  { "<<": (a, b) => a << b, ">>": (a, b) => a >> b },
  { "+": (a, b) => a + b, "-": (a, b) => a - b },
  { "*": (a, b) => a * b, "/": (a, b) => Math.trunc(a / b), "%": (a, b) => a % b },
];

const FUNCTIONS: Readonly<Record<string, (...values: number[]) => number>> = {
  u32: (value) => value!,
  i32: (value) => value!,
  min: Math.min,
  max: Math.max,
};

/**
 * The value of an integer expression such as `2 * TILE` or `0x40u`. Overrides have their defaults.
 *
 * @throws {SyntaxError} When it is no such expression.
 * @throws {ReferenceError} When a name has no value: an override without a default, for example.
 */
export function evaluateConstant(text: string, scope: ConstantScope): number {
  return evaluate(text, scope, []);
}

function evaluate(text: string, scope: ConstantScope, open: readonly string[]): number {
  const list = tokens(text);
  let at = 0;
  const expect = (token: string) => {
    if (list[at++] !== token) throw new SyntaxError(`expected "${token}" in "${text}"`);
  };
  const primary = (): number => {
    const token = list[at++];
    if (token === undefined) throw new SyntaxError(`"${text}" ends early`);
    if (/^\d/.test(token)) return Number(token);
    if (token === "-") return -primary();
    if (token === "(") {
      const value = binary(0);
      expect(")");
      return value;
    }
    if (!/^[A-Za-z_]/.test(token)) throw new SyntaxError(`unexpected "${token}" in "${text}"`);
    if (list[at] === "(") return call(token);
    const value = scope.get(token);
    if (value === undefined) throw new ReferenceError(`"${token}" is not declared`);
    if (value === null) throw new ReferenceError(`"${token}" has no default value`);
    if (open.includes(token)) throw new ReferenceError(`"${token}" is defined by itself`);
    return evaluate(value, scope, [...open, token]);
  };
  const call = (name: string): number => {
    const apply = FUNCTIONS[name];
    if (apply === undefined) throw new SyntaxError(`cannot compute ${name}(…) here`);
    expect("(");
    const values = [binary(0)];
    while (list[at] === ",") {
      at++;
      values.push(binary(0));
    }
    expect(")");
    return apply(...values);
  };
  const binary = (level: number): number => {
    const operators = OPERATORS[level];
    if (operators === undefined) return primary();
    let left = binary(level + 1);
    for (let apply = operators[list[at]!]; apply !== undefined; apply = operators[list[at]!]) {
      at++;
      left = apply(left, binary(level + 1));
    }
    return left;
  };
  const value = binary(0);
  if (at < list.length) throw new SyntaxError(`unexpected "${list[at]}" in "${text}"`);
  if (!Number.isSafeInteger(value)) throw new SyntaxError(`"${text}" is not an integer`);
  return value;
}
