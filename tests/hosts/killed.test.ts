/** A host that is killed is known to all within three heartbeats, whoever has dialled whom. */
import assert from "node:assert/strict";
import { type Host, startHost } from "@dramatis/dramatis";

Deno.test("hosts: a killed one is noticed within 3 s by who has dialled it and by whom it has dialled", async () => {
  await using dialled = await startHost({ pools: [], listen: { port: 0 } });
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--allow-all",
      new URL("../fixtures/serve_host.ts", import.meta.url).pathname,
      dialled.address!,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await lines.read();
  const { address } = JSON.parse(value!);
  await using dialler = await startHost({ pools: [], join: [address] });
  assert.ok(dialled.hosts().length >= 1 && dialler.hosts().length >= 1);
  // Hosts of one cluster may be linked with each other too.
  const others = (host: Host) => host.hosts().filter((one) => one.address === address).length;
  assert.deepEqual([dialled, dialler].map(others), [1, 1]);
  const started = performance.now();
  child.kill("SIGKILL");
  const gone = async (host: Host) => {
    while (others(host) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    return performance.now() - started;
  };
  for (const ms of await Promise.all([dialled, dialler].map(gone))) {
    assert.ok(ms < 3_000, `${ms} ms`);
  }
  await child.status;
  await lines.cancel();
  await child.stdin.close().catch(() => {});
});
