/** The types that users rely on. */
import assert from "node:assert/strict";

// In one go: what they import is checked once.
Deno.test("ActorRef, StreamResult, Kernel: what may be called and iterated is checked at compile time", async () => {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "check",
      ...["ref_types.ts", "stream_types.ts", "kernel_types.ts", "gang_types.ts"].map((file) =>
        import.meta.resolve(`./${file}`)
      ),
    ],
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).output();
  assert(success, new TextDecoder().decode(stderr));
});
