/** The types of streams. */
import assert from "node:assert/strict";

Deno.test("StreamResult: what may be iterated is checked at compile time", async () => {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", new URL("stream_types.ts", import.meta.url).pathname],
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).output();
  assert(success, new TextDecoder().decode(stderr));
});
