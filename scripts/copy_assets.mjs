import { chmodSync, cpSync, readdirSync } from "node:fs";
import { join } from "node:path";

/**
 * Copies the files that are read at run time and are not TypeScript to the compiled code, and makes the command
 * executable: `npm link` does so only once, and a new build would undo it.
 */
export const copyAssets = (root, out) => {
  const scripts = join("src", "redis", "scripts");
  for (const file of readdirSync(join(root, scripts)).filter((name) => name.endsWith(".lua")))
    cpSync(join(root, scripts, file), join(out, scripts, file));
  chmodSync(join(out, "src", "cli", "main.js"), 0o755);
};
