import { cpus } from "node:os";
import { benchBatch } from "./batch.js";
import { benchCosts } from "./costs.js";
import { note } from "./figures.js";
import { benchGateway } from "./gateway.js";
import { benchIntrospect } from "./introspect.js";
import { benchLatency } from "./latency.js";
import { benchLogin } from "./login.js";
import { benchMemory } from "./memory.js";
import { benchMillion } from "./million.js";
import { benchOverload } from "./overload.js";
import { benchRedis } from "./redis.js";
import { benchStream } from "./stream.js";
import { benchValidate } from "./validate.js";
import { benchValidator } from "./validator.js";
import { benchWorkers } from "./workers.js";

const BENCHES: Record<string, () => Promise<void>> = {
  validate: benchValidate,
  login: benchLogin,
  costs: benchCosts,
  memory: benchMemory,
  latency: benchLatency,
  batch: benchBatch,
  stream: benchStream,
  redis: benchRedis,
  workers: benchWorkers,
  million: benchMillion,
  gateway: benchGateway,
  introspect: benchIntrospect,
  validator: benchValidator,
  overload: benchOverload,
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
