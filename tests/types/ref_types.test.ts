/** The types that users rely on. */
import assert from "node:assert/strict";

Deno.test("ActorRef: what may be called is checked at compile time", async () => {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", new URL("ref_types.ts", import.meta.url).pathname],
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).output();
  assert(success, new TextDecoder().decode(stderr));
});
