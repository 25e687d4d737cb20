import assert from "node:assert/strict";
import { parseServeFlags, UsageError } from "../../src/cli/serve_flags.ts";
import { readTlsFiles } from "../../src/cli/tls_files.ts";

const path = (name: string) => new URL(`../link/fixtures/${name}`, import.meta.url).pathname;
const [CERT, KEY] = [path("localhost_cert.pem"), path("localhost_key.pem")];
const read = (...args: string[]) => readTlsFiles(parseServeFlags(args));

Deno.test("readTlsFiles: what the files hold", async () => {
  const { listen, host } = await read("--cert", CERT, "--key", KEY, "--ca", CERT);
  assert.match(listen.cert!, /^-----BEGIN CERTIFICATE/);
  assert.match(listen.key!, /^-----BEGIN .*PRIVATE KEY/);
  assert.equal(listen.clientCertificates, false);
  assert.equal(host.ca, listen.cert);
  assert.deepEqual(await read(), { listen: {}, host: {} });
});

Deno.test("readTlsFiles: what is missing is named", async () => {
  for (
    const [args, message] of [
      [["--cert", CERT], /--cert and --key come together/],
      [["--client-certificates"], /--client-certificates needs --cert/],
      [["--ca", "/nowhere.pem"], /Cannot read --ca \/nowhere\.pem/],
    ] as const
  ) {
    await assert.rejects(
      read(...args),
      (error: Error) => error instanceof UsageError && message.test(error.message),
    );
  }
});
