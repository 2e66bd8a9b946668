// A backend in a process of its own that checks one token over and over, both ways,
// and says when it last accepted it: run with target, issuer, service key and token.
import { setImmediate as turn } from "node:timers/promises";
import { createValidator, ValidatorError } from "../../../src/validator/index.js";

const [target = "", issuer = "", serviceKey = "", token = ""] = process.argv.slice(2);
const validator = createValidator({ mode: "local", targets: [target], issuer, serviceKey });
await validator.ready({ timeoutMs: 20_000 });

let lastAccepted = 0;
let isKnown = false;
let isOver = false;

const isEnded = (error: unknown): boolean =>
  error instanceof ValidatorError && error.reason === "ACCESS_TOKEN_BLACKLISTED";

const checkHere = async (): Promise<void> => {
  while (!isOver) {
    try {
      if (validator.validateNow(token) !== undefined) {
        lastAccepted = Date.now();
        if (!isKnown) process.stdout.write("known\n");
        isKnown = true;
      }
    } catch {
      return;
    }
    await turn();
  }
};

const askAlways = async (): Promise<void> => {
  for (;;) {
    try {
      await validator.validate(token, { fresh: true });
      lastAccepted = Date.now();
    } catch (error) {
      if (isEnded(error)) return;
    }
  }
};

void checkHere();
await askAlways();
isOver = true;
process.stdout.write(`refused; last accepted at ${lastAccepted}\n`);
await validator.close();
