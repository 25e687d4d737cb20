/** The one form in which errors travel, inside values and as failures. */
import { WIRE_ERRORS } from "./wire_errors.ts";

/** Everything of an error that travels. */
export interface ErrorParts {
  /** The class's name: a known one, or what its constructor is called. */
  readonly className: string;
  /** `error.name`. */
  readonly name: string;
  /** `undefined` if the error has none of its own. */
  readonly message: string | undefined;
  readonly stack: string | undefined;
  readonly hasCause: boolean;
  readonly cause: unknown;
  /** Whether the error has a list of errors, as an AggregateError has. */
  readonly hasErrors: boolean;
  readonly errors: unknown;
  /** Own enumerable properties past those above, read once. */
  readonly fields: readonly (readonly [string, unknown])[];
}

const CLASS_NAMES: ReadonlyMap<object, string> = new Map(
  Object.entries(WIRE_ERRORS).map(([name, type]) => [type.prototype, name]),
);

/** What stands for a property whose getter threw. */
const UNREADABLE = "[unreadable]";

type Named = { readonly [key: string]: unknown };

function read(source: object, key: string): unknown {
  try {
    return (source as Named)[key];
  } catch {
    return UNREADABLE;
  }
}

function text(value: unknown): string {
  try {
    return typeof value === "string" ? value : String(value);
  } catch {
    return UNREADABLE;
  }
}

function own(source: object, key: string): PropertyDescriptor | undefined {
  return Object.getOwnPropertyDescriptor(source, key);
}

/** Whether a value is an error, of this realm or another; a DOMException is one. */
export function isError(value: unknown): value is Error {
  return Error.isError(value);
}

/** Whether an error is of a class that arrives as itself: a built-in one, or one of this package. */
export function isWireError(error: Error): boolean {
  return CLASS_NAMES.has(Object.getPrototypeOf(error));
}

/** The name of an error's class, which need not be its `name`. */
export function errorClassName(error: Error): string {
  const known = CLASS_NAMES.get(Object.getPrototypeOf(error));
  if (known !== undefined) return known;
  const constructor = read(error, "constructor");
  const name = typeof constructor === "function" ? text(read(constructor, "name")) : "";
  // A class of the user's that is only called like a known one must not arrive as that one.
  return name === "" || Object.hasOwn(WIRE_ERRORS, name) ? "Error" : name;
}

function messageOf(error: Error): string | undefined {
  if (own(error, "message") !== undefined) return text(read(error, "message"));
  const inherited = read(error, "message");
  return inherited === undefined || inherited === "" ? undefined : text(inherited);
}

/** Takes an error apart. Never throws: a getter that throws leaves a note in its place. */
export function takeError(error: Error): ErrorParts {
  const stack = read(error, "stack");
  const cause = own(error, "cause");
  const errors = own(error, "errors");
  const fields: [string, unknown][] = [];
  for (const key of Object.keys(error)) {
    if (key === "message" || key === "stack" || key === "cause" || key === "errors") continue;
    fields.push([key, read(error, key)]);
  }
  return {
    className: errorClassName(error),
    name: text(read(error, "name")),
    message: messageOf(error),
    stack: typeof stack === "string" ? stack : undefined,
    hasCause: cause !== undefined,
    cause: cause === undefined ? undefined : read(error, "cause"),
    hasErrors: errors !== undefined,
    errors: errors === undefined ? undefined : read(error, "errors"),
    fields,
  };
}

/**
 * An empty error of the named class, a plain Error if that is not known: a real one, with the
 * class's prototype, made without running its constructor.
 */
export function newError(className: string): Error {
  const error = new Error();
  const type = Object.hasOwn(WIRE_ERRORS, className) ? WIRE_ERRORS[className] : undefined;
  if (type !== undefined && type.prototype !== Error.prototype) {
    Object.setPrototypeOf(error, type.prototype);
  }
  return error;
}

function hidden(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, {
    value,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}

/** Puts the parts into an error made by {@linkcode newError}. */
export function fillError(error: Error, parts: Omit<ErrorParts, "className">): void {
  if (parts.message !== undefined) hidden(error, "message", parts.message);
  hidden(error, "stack", parts.stack);
  if (parts.hasCause) hidden(error, "cause", parts.cause);
  if (parts.hasErrors) hidden(error, "errors", parts.errors);
  for (const [key, value] of parts.fields) {
    Object.defineProperty(error, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  if (error.name !== parts.name) hidden(error, "name", parts.name);
}
