/** A browser for tests: Debian's chromium. @module */
import { type Browser, chromium } from "playwright-core";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const HOW_TO_INSTALL = "there is no chromium. On Debian: apt install chromium";

/** Opens one, or fails the test if DRAMATIS_REQUIRE_CHROMIUM=1, or says why the test does nothing. */
export async function openOrSkip(name: string): Promise<Browser | null> {
  const executablePath = PATHS.find(isThere);
  if (executablePath !== undefined) {
    return await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  }
  if (Deno.env.get("DRAMATIS_REQUIRE_CHROMIUM") === "1") throw new Error(HOW_TO_INSTALL);
  // deno-lint-ignore no-console -- a skipped test must say so
  console.warn(`skipped "${name}": ${HOW_TO_INSTALL}`);
  return null;
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
