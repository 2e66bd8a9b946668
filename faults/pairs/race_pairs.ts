import { setTimeout as wait } from "node:timers/promises";
import type { Violation } from "../checker/violation.js";
import type { KnownSession } from "../client/recording_client.js";
import type { Random } from "../random.js";
import { anyReplica, askEverybody } from "../scenarios/scenario.js";
import { MAX_BROKEN_OFF, whyOf } from "../schedules/world_schedules.js";
import { loseMemory, MEMORY_LOSSES } from "../world/memory_loss.js";
import type { Databases } from "../world/stores.js";
import { createWorld, type Sabotage, type World } from "../world/world.js";

/** Two calls about one session that begin together on different replicas. */
export const PAIR_KINDS = [
  "logout and validation",
  "revocation and refresh",
  "refresh and refresh",
  "logout and revocation",
  "revocation of all and validation",
] as const;
export type PairKind = (typeof PAIR_KINDS)[number];

export interface PairsReport {
  readonly pairs: Record<PairKind, number>;
  calls: number;
  uncertain: number;
  readonly violations: { readonly seed: number; readonly violation: Violation }[];
  /** Batches without a verdict: the harness failed. Their pairs do not count. */
  readonly brokenOff: { readonly seed: number; readonly why: string }[];
}

/** Sessions raced for one at a time. */
const SINGLE = 160;
/** Users whose sessions are all ended at once, and how many each has. */
const USERS = 3;
const TOGETHER = 320;
const BATCH = SINGLE + USERS * TOGETHER;
/** Races at once in a world: as many as its replicas' pools have connections. */
const AT_ONCE = 16;
/**
 * The number of worlds that run at once. Revocations of one database wait for each other's revision, and the machine is
 * idle meanwhile; with several worlds there is always work.
 */
const WORLDS = 4;
/** Over this long the validations begin that race the end of all, in milliseconds: about as long as that takes. */
const SPREAD_MS = 60;
/** Where Redis forgets, it does so at every so manieth race. */
const RACES_TO_LOSS = 8;

const twoOf = ({ replicas, random }: World) => {
  const [a, b] = random.chance(0.5) ? replicas : [...replicas].reverse();
  if (a === undefined || b === undefined) throw new Error("a race takes two replicas");
  return [a, b] as const;
};

const raceOne = async (world: World, session: KnownSession, kind: PairKind): Promise<void> => {
  const { client } = world;
  const [a, b] = twoOf(world);
  if (kind === "logout and validation")
    await Promise.all([client.logout(a, session), client.validate(b, session)]);
  else if (kind === "revocation and refresh")
    await Promise.all([client.revoke(a, session), client.refresh(b, session)]);
  else if (kind === "refresh and refresh")
    await Promise.all([client.refresh(a, session), client.refresh(b, session)]);
  else await Promise.all([client.logout(a, session), client.revoke(b, session)]);
  // Begun after both were answered: of these the guarantees speak.
  await askEverybody(world, [session]);
};

/** Runs races in batches until there are `wanted` or time is over; the first violation ends them. */
export const racePairs = async (options: {
  readonly databases: Pick<Databases, "create">;
  /** Made anew for every world. */
  readonly sabotage?: (() => Sabotage) | undefined;
  readonly random: Random;
  readonly wanted: number;
  readonly isTime: () => boolean;
  readonly onProgress: (pairs: number) => void;
}): Promise<PairsReport> => {
  const { databases, sabotage, random, wanted, isTime, onProgress } = options;
  const report: PairsReport = {
    pairs: Object.fromEntries(PAIR_KINDS.map((kind) => [kind, 0])) as Record<PairKind, number>,
    calls: 0,
    uncertain: 0,
    violations: [],
    brokenOff: [],
  };
  const total = () => Object.values(report.pairs).reduce((a, b) => a + b, 0);
  const goesOn = () =>
    total() < wanted &&
    isTime() &&
    report.violations.length === 0 &&
    report.brokenOff.length < MAX_BROKEN_OFF;
  const inWorld = async (random: Random) => {
    const settings = { maxSessions: 10_000 };
    const world = await createWorld({
      ...{ databases, random, settings, direct: true },
      ...(sabotage && { sabotage: sabotage() }),
    });
    try {
      while (goesOn()) {
        await raceBatch(world, report);
        onProgress(total());
      }
    } finally {
      await world.close();
    }
  };
  const lane = async (random: Random) => {
    while (goesOn()) {
      const ofWorld = random.fork();
      await inWorld(ofWorld).catch((failure: unknown) => {
        report.brokenOff.push({ seed: ofWorld.seed, why: whyOf(failure) });
      });
    }
  };
  const worlds = Math.min(WORLDS, Math.ceil(wanted / BATCH));
  await Promise.all(Array.from({ length: worlds }, () => lane(random.fork())));
  return report;
};

const raceBatch = async (world: World, report: PairsReport): Promise<void> => {
  world.startAnew();
  const openMany = async (count: number) => world.openSessions(await world.newUser(), count);
  const [single, ...together] = await Promise.all([
    openMany(SINGLE),
    ...Array.from({ length: USERS }, () => openMany(TOGETHER)),
  ]);
  // Half of them are in Redis already.
  await askEverybody(
    world,
    [single, ...together].flat().filter((_, i) => i % 2 === 0),
  );
  const forgets = world.random.chance(0.5);
  await raceSingles(world, single, forgets);
  for (const sessions of together) await raceTogether(world, sessions, forgets);
  const found = await world.verdict();
  single.forEach((_, i) => {
    report.pairs[singleKind(i)] += 1;
  });
  report.pairs["revocation of all and validation"] += together.flat().length;
  const calls = world.recorder.calls();
  report.calls += calls.length;
  report.uncertain += calls.filter(({ answer }) => answer.kind === "uncertain").length;
  report.violations.push(...found.map((violation) => ({ seed: world.random.seed, violation })));
};

const singleKind = (i: number): PairKind => PAIR_KINDS[i % 4] ?? "logout and validation";

const raceSingles = async (
  world: World,
  sessions: readonly KnownSession[],
  forgets: boolean,
): Promise<void> => {
  const waiting = sessions.entries();
  const lane = async () => {
    for (const [i, session] of waiting) {
      await Promise.all([
        raceOne(world, session, singleKind(i)),
        forgets && i % RACES_TO_LOSS === 0 && forget(world),
      ]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
};

const raceTogether = async (
  world: World,
  sessions: readonly KnownSession[],
  forgets: boolean,
): Promise<void> => {
  const [one] = sessions;
  if (one === undefined) return;
  await Promise.all([
    world.client.revokeUser(anyReplica(world), one.user),
    ...sessions.map(async (session) => {
      await wait(world.random.below(SPREAD_MS));
      await world.client.validate(anyReplica(world), session);
    }),
    forgets && forget(world),
  ]);
  await askEverybody(world, sessions);
};

const forget = (world: World): Promise<unknown> =>
  loseMemory(world.redis.url, world.random.pick(MEMORY_LOSSES), world.random);
