import type { KnownSession } from "../client/recording_client.js";
import type { World } from "../world/world.js";
import { anyReplica, askEverybody, insist, type Scenario } from "./scenario.js";

const USERS = 3;
const LOGINS_AT_ONCE = 8;

const isSession = (session: KnownSession | undefined): session is KnownSession =>
  session !== undefined;

const loginStorm = async (world: World): Promise<void> => {
  const user = await world.newUser();
  const held: KnownSession[] = [];
  for (const atOnce of [LOGINS_AT_ONCE, 1, 1, LOGINS_AT_ONCE]) {
    const logins = await Promise.all(
      Array.from({ length: atOnce }, () => world.client.login(anyReplica(world), user)),
    );
    held.push(...logins.filter(isSession));
    // Asked twice, so that a session that was valid both times was also valid in between.
    await askEverybody(world, held);
    await askEverybody(world, held);
  }
};

const storms = (world: World) =>
  Promise.all(Array.from({ length: USERS }, () => loginStorm(world))).then(() => undefined);

export const evictingLimit: Scenario = {
  name: "session limit that evicts",
  world: { settings: { maxSessions: 3 } },
  run: storms,
};

export const rejectingLimit: Scenario = {
  name: "session limit that rejects",
  world: { settings: { maxSessions: 3, limitPolicy: "reject" } },
  run: storms,
};

/** Logins over the limit, more of them than wrong passwords are forgiven; then there is room again. */
export const refusedLogins: Scenario = {
  name: "refused logins are no wrong passwords",
  world: { settings: { maxSessions: 1, limitPolicy: "reject" }, loginFailures: 5 },
  async run(world) {
    const user = await world.newUser();
    const session = await world.client.login(anyReplica(world), user);
    for (let logins = 0; logins < 7; logins++) await world.client.login(anyReplica(world), user);
    if (session) await world.client.logout(anyReplica(world), session);
    await world.client.login(anyReplica(world), user);
  },
};

/** Logins with the right password fail while events cannot be written, more of them than wrong passwords are allowed. */
export const loginsInAnOutage: Scenario = {
  name: "logins that an outage fails are no wrong passwords",
  world: { loginFailures: 2, postgresTimeoutMs: 400 },
  async run(world) {
    const user = await world.newUser();
    await world.whileEventsAreLocked(async () => {
      for (let logins = 0; logins < 5; logins++) await world.client.login(anyReplica(world), user);
    });
    await insist(async () => (await world.client.login(anyReplica(world), user)) !== undefined);
  },
};

/** Sessions that timed out do not count. */
export const timedOutSessions: Scenario = {
  name: "timed-out sessions leave room",
  world: { settings: { maxSessions: 2, limitPolicy: "reject", idleTimeoutMs: 60_000 } },
  async run(world) {
    const user = await world.newUser();
    const login = () => world.client.login(anyReplica(world), user);
    const old = [await login(), await login(), await login()].filter(isSession);
    await world.advance(62_000);
    const fresh = [await login(), await login()].filter(isSession);
    await askEverybody(world, [...old, ...fresh]);
    await askEverybody(world, [...old, ...fresh]);
  },
};

/** Logins in flight while their user is deactivated. */
export const deactivation: Scenario = {
  name: "logins race a deactivation",
  async run(world) {
    for (let round = 0; round < 4; round++) {
      const user = await world.newUser();
      const early = world.replicas.map((replica) => world.client.login(replica, user));
      if (round % 2 === 0) await Promise.race(early);
      const late = world.replicas.map((replica) => world.client.login(replica, user));
      const revocation = world.client.deactivate(anyReplica(world), user);
      const held = (await Promise.all([...early, ...late])).filter(isSession);
      await revocation;
      await askEverybody(world, held);
      await world.client.login(anyReplica(world), user);
    }
  },
};
