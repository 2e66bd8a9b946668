import type { Violation } from "../checker/violation.js";
import type { KnownSession } from "../client/recording_client.js";
import type { Target } from "../client/target.js";
import type { World, WorldOptions } from "../world/world.js";

/** A sequence of calls and faults in a world; the checker defines the correct answers. */
export interface Scenario {
  readonly name: string;
  readonly world?: Pick<
    WorldOptions,
    | "settings"
    | "loginFailures"
    | "sourceFailures"
    | "wallSkewsMs"
    | "postgresTimeoutMs"
    | "guardsSilence"
    | "shares"
  >;
  /**
   * One round, of any number.
   *
   * @param report receives violations that the round observes itself and that the history does not show
   */
  run(world: World, report: (violation: Violation) => void): Promise<void>;
}

/** The time after which unfinished work is abandoned. Milliseconds. */
const PATIENCE_MS = 3000;

/** The first of the replicas. */
export const first = ([one]: readonly Target[]): Target => {
  if (one === undefined) throw new Error("a world without a replica");
  return one;
};

/** One of the replicas. */
export const anyReplica = ({ replicas, random }: World): Target => random.pick(replicas);

/** Repeats an operation that is safe to repeat, here or on another replica. */
export const insist = async (call: () => Promise<boolean>): Promise<void> => {
  const until = performance.now() + PATIENCE_MS;
  while (!(await call()) && performance.now() < until);
};

/** A new user's session that every replica has called valid, twice, so that it is in Redis. */
export const knownSession = async (world: World): Promise<KnownSession> => {
  const user = await world.newUser();
  let session: KnownSession | undefined;
  await insist(async () => {
    session = await world.client.login(anyReplica(world), user);
    return session !== undefined;
  });
  if (session === undefined) throw new Error("nobody could sign in");
  for (const replica of [...world.replicas, ...world.replicas])
    await world.client.validate(replica, session);
  return session;
};

export const knownSessions = (world: World, count: number): Promise<KnownSession[]> =>
  Promise.all(Array.from({ length: count }, () => knownSession(world)));

/** Ends a session, whatever it takes. */
export const endAtLast = (
  world: World,
  session: KnownSession,
  replica: () => Target = () => anyReplica(world),
): Promise<void> => {
  const byLogout = world.random.chance(0.5);
  return insist(() =>
    byLogout ? world.client.logout(replica(), session) : world.client.revoke(replica(), session),
  );
};

/** Validates every token of every session on every replica. */
export const askEverybody = async (
  world: World,
  sessions: readonly KnownSession[],
): Promise<void> => {
  const questions = world.replicas.flatMap((replica) =>
    sessions.flatMap((session) =>
      session.accessTokens.map((_, back) => world.client.validate(replica, session, { back })),
    ),
  );
  await Promise.all(questions);
};
