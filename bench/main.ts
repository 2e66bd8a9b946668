import { cpus } from "node:os";
import { note } from "./figures.js";
import { benchLogin } from "./login.js";
import { benchMemory } from "./memory.js";
import { benchValidate } from "./validate.js";

const BENCHES: Record<string, () => Promise<void>> = {
  validate: benchValidate,
  login: benchLogin,
  memory: benchMemory,
};

const [cpu] = cpus();
note(`Node ${process.version}, ${cpus().length} × ${cpu?.model}`);
const asked = process.argv.slice(2);
for (const name of asked.length > 0 ? asked : Object.keys(BENCHES)) {
  const bench = BENCHES[name];
  if (bench === undefined) throw new Error(`no bench ${name}: ${Object.keys(BENCHES).join(", ")}`);
  note(`\n== ${name}`);
  await bench();
}
process.exit(0);
