import assert from "node:assert/strict";
import { parseServeFlags, USAGE, UsageError } from "../../src/cli/serve_flags.ts";

Deno.test("parseServeFlags: the defaults", () => {
  assert.deepEqual(parseServeFlags([]), {
    help: false,
    port: 7300,
    hostname: "127.0.0.1",
    workers: undefined,
    processes: 0,
    gpu: "auto",
    join: [],
    directory: undefined,
    tokenFile: undefined,
    clientTokenFile: undefined,
    readTokenFile: undefined,
    allowOrigin: [],
    advertise: undefined,
    cert: undefined,
    key: undefined,
    ca: undefined,
    clientCertificates: false,
    slowMs: undefined,
    modules: [],
    untilStdinCloses: false,
  });
});

Deno.test("parseServeFlags: every flag, some of them more than once", () => {
  const line =
    "--port 0 --hostname=::1 --workers 256 --processes 2 --gpu require --join ws://a:1 --join b:2 " +
    "--directory nats://n:4222 --token-file - --modules ./a.ts --modules=./b.ts --until-stdin-closes --help " +
    "--read-token-file reader --advertise a.example:7300 --cert cert.pem --key key.pem --ca ca.pem " +
    "--client-certificates --slow-ms 0 --client-token-file client " +
    "--allow-origin https://a.example --allow-origin=https://b.example";
  assert.deepEqual(parseServeFlags(line.split(" ")), {
    help: true,
    port: 0,
    hostname: "::1",
    workers: 256,
    processes: 2,
    gpu: "require",
    join: ["ws://a:1", "b:2"],
    directory: "nats://n:4222",
    tokenFile: "-",
    clientTokenFile: "client",
    readTokenFile: "reader",
    allowOrigin: ["https://a.example", "https://b.example"],
    advertise: "a.example:7300",
    cert: "cert.pem",
    key: "key.pem",
    ca: "ca.pem",
    clientCertificates: true,
    slowMs: 0,
    modules: ["./a.ts", "./b.ts"],
    untilStdinCloses: true,
  });
});

const REFUSED: readonly (readonly [args: string[], message: RegExp])[] = [
  [["--port", "abc"], /^--port is a whole number from 0 to 65535, got "abc"$/],
  [["--port", "65536"], /^--port is a whole number from 0 to 65535, got "65536"$/],
  [["--port", "1.5"], /^--port is .*"1.5"$/],
  [["--port", "1e3"], /^--port is .*"1e3"$/],
  [["--port", "0x10"], /^--port is .*"0x10"$/],
  [["--port="], /^--port is .*""$/],
  [["--port", "9".repeat(400)], /^--port is .*9"$/],
  [["--port"], /^Option '--port <value>' argument missing; see --help$/],
  [["--port", "--workers", "1"], /'--port' argument is ambiguous; see --help$/],
  [["--workers", "257"], /^--workers is a whole number from 0 to 256, got "257"$/],
  [["--workers=-1"], /^--workers is .*"-1"$/],
  [["--workers", "-1"], /'--workers' argument is ambiguous; see --help$/],
  [["--gpu", "maybe"], /^--gpu is auto, require or off, got "maybe"$/],
  [["--hostname="], /^--hostname is an interface's address, got none$/],
  [["--directory", "n:4222"], /^--directory is a NATS server, nats:\/\/host:4222$/],
  [["--help=yes"], /'--help' does not take an argument; see --help$/],
  [["--gpus", "auto"], /^Unknown option '--gpus'; see --help$/],
  [["-p", "1"], /^Unknown option '-p'; see --help$/],
  [["stray"], /^Unexpected argument 'stray'; see --help$/],
  [["--port", "1", "--", "stray"], /^Unexpected argument 'stray'; see --help$/],
];

for (const [args, message] of REFUSED) {
  const shown = args.map((arg) => arg.length > 20 ? `${arg.slice(0, 3)}…` : arg).join(" ");
  Deno.test(`parseServeFlags: refuses ${shown}`, () => {
    assert.throws(() => parseServeFlags(args), (error) => {
      assert(error instanceof UsageError);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  });
}

Deno.test("USAGE: names every flag", () => {
  const flags = Object.keys(parseServeFlags([])).map((name) =>
    `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
  );
  for (const flag of flags) assert(USAGE.includes(`  ${flag}`), `${flag} is not explained`);
});

Deno.test("parseServeFlags: those of TLS, and the address that others reach it at", () => {
  const line =
    "--cert c.pem --key k.pem --ca ca.pem --client-certificates --advertise gate.example:7300";
  const { cert, key, ca, clientCertificates, advertise } = parseServeFlags(line.split(" "));
  assert.deepEqual([cert, key, ca, clientCertificates, advertise], [
    "c.pem",
    "k.pem",
    "ca.pem",
    true,
    "gate.example:7300",
  ]);
});
