import { randomBytes, randomUUID } from "node:crypto";
import type { Target } from "../client/target.js";
import { TargetFailure } from "../client/target.js";
import { anyReplica, askEverybody, type Scenario } from "./scenario.js";

/** Failed logins that lock a source out. */
const LIMIT = 5;
const WRONG = "a password that nobody has";

const group = (): string => randomBytes(2).readUInt16BE().toString(16);

/** An address of a network that no other round uses. */
const newNetwork = (): ((host: number) => string) => {
  const network = `2001:db8:${group()}:${group()}`;
  return (host) => `${network}::${host.toString(16)}`;
};

const outcomeOf = (
  replica: Target,
  username: string,
  password: string,
  from: string,
): Promise<string> =>
  replica.login(username, password, from).then(
    () => "OK",
    (failure: unknown) => {
      if (failure instanceof TargetFailure) return failure.reason;
      throw failure;
    },
  );

/** The addresses of one network try passwords until they are locked out, and beyond. */
export const oneSource: Scenario = {
  name: "one network tries passwords of many accounts",
  world: { sourceFailures: LIMIT },
  async run(world, report) {
    const addressOf = newNetwork();
    const attempt = (host: number): Promise<string> =>
      outcomeOf(anyReplica(world), `nobody-${randomUUID()}`, WRONG, addressOf(host));

    const outcomes: string[] = [];
    for (let host = 1; host <= 2 * LIMIT; host += 1) outcomes.push(await attempt(host));
    const wrong = outcomes.filter((outcome) => outcome === "INVALID_CREDENTIALS").length;
    if (wrong > LIMIT)
      report({
        guarantee: "D9",
        what: `${wrong} wrong passwords from one /64 network were let in, and the limit is ${LIMIT}`,
        calls: [],
      });

    const before = world.checkedPasswords();
    for (let host = 1; host <= LIMIT; host += 1) await attempt(host);
    const checked = world.checkedPasswords() - before;
    if (checked > 0)
      report({
        guarantee: "D10",
        what: `${checked} of ${LIMIT} passwords of a source over its limit were checked`,
        calls: [],
      });

    const user = await world.newUser();
    const other = newNetwork()(1);
    const replica = anyReplica(world);
    const fromOther: Target = {
      ...replica,
      login: (username, password) => replica.login(username, password, other),
    };
    const session = await world.client.login(fromOther, user);
    if (session === undefined) {
      report({
        guarantee: "D10",
        what: "another source could not sign in, and its password was right",
        calls: world.recorder.calls().slice(-1),
      });
      return;
    }
    await askEverybody(world, [session, session, session]);
  },
};
