// An example of a backend that takes Curfew's access tokens. It is run by its
// README; its settings come from the command line, because it is an example.
import { parseArgs } from "node:util";
import { createValidator } from "../../src/validator/index.js";
import { createApp } from "./app.js";

const { values } = parseArgs({
  options: {
    curfew: { type: "string", multiple: true, default: ["localhost:50051"] },
    issuer: { type: "string", default: "http://localhost:8000" },
    "service-key": { type: "string" },
    port: { type: "string", default: "3000" },
  },
});

const validator = createValidator({
  mode: "local",
  targets: values.curfew,
  issuer: values.issuer,
  ...(values["service-key"] !== undefined && { serviceKey: values["service-key"] }),
  onProblem: (problem) => process.stderr.write(`${problem.message}\n`),
});
await validator.ready();

const app = await createApp(validator);
const address = await app.listen({ port: Number(values.port), host: "127.0.0.1" });
process.stdout.write(`The example backend listens on ${address}\n`);

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, async () => {
    await app.close();
    await validator.close();
  });
