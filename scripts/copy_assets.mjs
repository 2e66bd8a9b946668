// Puts beside the compiled code what is read at run time and is not TypeScript, and makes the command
// executable: `npm link` does so only once, and a new build would undo it.
import { chmodSync, cpSync, readdirSync } from "node:fs";
import { join } from "node:path";

const scripts = join("src", "redis", "scripts");
for (const file of readdirSync(scripts).filter((name) => name.endsWith(".lua")))
  cpSync(join(scripts, file), join("dist", scripts, file));

chmodSync(join("dist", "src", "cli", "main.js"), 0o755);
