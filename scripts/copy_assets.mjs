// Puts beside the compiled code what is read at run time and is not TypeScript.
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";

const scripts = join("src", "redis", "scripts");
for (const file of readdirSync(scripts).filter((name) => name.endsWith(".lua")))
  cpSync(join(scripts, file), join("dist", scripts, file));
