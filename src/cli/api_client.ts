import type { Access } from "./access.ts";
import { UsageError } from "./serve_flags.ts";

/** A host did not do what it was asked, or did not answer. */
export class ApiError extends Error {
  override readonly name = "ApiError";
}

/** Asks a host over HTTP. */
export class ApiClient {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #client: Deno.HttpClient;

  /**
   * @param url As `serve` prints it, `ws://host:port`, or that of its API.
   * @param access What lets in.
   * @throws {UsageError} if it is none.
   */
  constructor(url: string, { token, ca, certificate }: Access) {
    this.#base = baseOf(url);
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    this.#client = Deno.createHttpClient({
      ...(ca === undefined ? {} : { caCerts: [ca] }),
      ...certificate,
    });
  }

  /**
   * What a path answers.
   *
   * @throws {ApiError} that says what the host said, or that it was not reached.
   */
  async get(path: string): Promise<unknown> {
    const response = await this.#send(path, {});
    return await response.json();
  }

  /**
   * Sends JSON to a path.
   *
   * @throws {ApiError} that says what the host said, or that it was not reached.
   */
  async post(path: string, body: unknown): Promise<Response> {
    const headers = { "content-type": "application/json", accept: "application/json" };
    return await this.#send(path, { method: "POST", body: JSON.stringify(body), headers });
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const url = `${this.#base}/api/v1${path}`;
    const headers = { ...init.headers as Record<string, string> | undefined, ...this.#headers };
    let response: Response;
    try {
      // A redirect would carry the token to whoever it names.
      response = await fetch(url, {
        ...init,
        headers,
        redirect: "error",
        client: this.#client,
      });
    } catch (cause) {
      throw new ApiError(`Cannot reach ${this.#base}: ${reasonOf(cause as Error)}`, { cause });
    }
    if (response.ok) return response;
    const { detail } = await response.json().catch(() => ({})) as { detail?: unknown };
    const reason = typeof detail === "string" ? detail : response.statusText;
    throw new ApiError(`${response.status}: ${reason}`);
  }
}

/** What `fetch` has to say is in its error's cause, after the URL. */
function reasonOf({ message, cause }: Error): string {
  return cause instanceof Error
    ? cause.message.replace(/^error sending request[^)]*\): /, "")
    : message;
}

/** Where the API is, without `/api/v1`. */
function baseOf(text: string): string {
  const url = URL.parse(/^\w+:\/\//.test(text) ? text : `http://${text}`);
  const scheme = url?.protocol.replace(/^ws/, "http");
  if (url === null || (scheme !== "http:" && scheme !== "https:")) {
    throw new UsageError(`${JSON.stringify(text)} is no host's URL: expected ws://host:port`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new UsageError("A secret does not belong into a URL: use --token-file");
  }
  return `${scheme}//${url.host}${url.pathname.replace(/\/(link)?$/, "")}`;
}
