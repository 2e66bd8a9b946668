import { randomUUID } from "node:crypto";
import { retryUntilAvailable } from "../../src/composition/retry_until_available.js";
import type { PasswordHasher } from "../../src/core/ports/password_hasher.js";
import type { CoreSettings } from "../../src/core/settings.js";
import {
  type CoreReplica,
  type CoreReplicaOptions,
  PASSWORD,
  startCoreReplica,
  TEST_SETTINGS,
} from "../../test/support/core_replica.js";
import { createClient } from "../../test/support/database_client.js";
import { type RedisServer, startRedis } from "../../test/support/redis.js";
import { startTcpProxy, type TcpProxy } from "../../test/support/tcp_proxy.js";
import { waitUntil } from "../../test/support/wait_until.js";
import { checkHistory } from "../checker/check.js";
import type { Rules } from "../checker/rules.js";
import type { Violation } from "../checker/violation.js";
import { type Callers, createCallers } from "../client/callers.js";
import { type CalledCore, coreTarget } from "../client/core_target.js";
import {
  type KnownSession,
  type KnownUser,
  type RecordingClient,
  recordingClient,
} from "../client/recording_client.js";
import type { Target } from "../client/target.js";
import { createRecorder, type Recorder } from "../history/recorder.js";
import type { Random } from "../random.js";
import { readAftermath } from "./aftermath.js";
import { jittery } from "./jitter.js";
import { openInBulk } from "./open_in_bulk.js";
import type { Databases } from "./stores.js";

export interface WorldOptions {
  readonly databases: Pick<Databases, "create">;
  readonly random: Random;
  readonly settings?: Partial<CoreSettings>;
  /** Failed logins of one account before it is locked. */
  readonly loginFailures?: number;
  /** Failed logins of one source before it is locked out. */
  readonly sourceFailures?: number;
  /** How far each replica's wall clock is ahead, in milliseconds; as many replicas are started. */
  readonly wallSkewsMs?: readonly number[];
  /** Most time of one statement; long, so that a busy machine is no fault. */
  readonly postgresTimeoutMs?: number;
  /** Without the links that can be broken, which take half of a call's time: for races alone. */
  readonly direct?: boolean;
  /** Whether replicas give up on a Postgres that hangs, as servers do. */
  readonly guardsSilence?: boolean;
  /** Whether each class of work has connections of its own, as in a service. */
  readonly shares?: boolean;
  readonly sabotage?: Sabotage;
}

/** The changes of a planted defect. Nothing of it exists in the product. */
export interface Sabotage {
  /** Wraps a replica's ports. */
  ports?(ports: CoreReplicaPorts, stores: StoreUrls): CoreReplicaPorts;
  /** Wraps what callers call. */
  core?(core: CalledCore, replica: CoreReplica, stores: StoreUrls): CalledCore;
}
type CoreReplicaPorts = CoreReplica["ports"];

export interface StoreUrls {
  readonly redisUrl: string;
  readonly databaseUrl: string;
}

/** Replicas in this process on real stores behind links that can be broken, and one recording client. */
export interface World {
  readonly random: Random;
  readonly rules: Rules;
  readonly replicas: readonly Target[];
  readonly client: RecordingClient;
  /** Those who call replicas. */
  readonly callers: Callers;
  readonly recorder: Recorder;
  readonly redis: RedisServer;
  /** Between each replica and Redis. */
  readonly redisLinks: readonly TcpProxy[];
  /** Between all replicas and Postgres. */
  readonly postgresLink: TcpProxy;
  newUser(): Promise<KnownUser>;
  /** Advances all clocks, as waiting would. Uses are written first, as the service does every few seconds. */
  advance(ms: number): Promise<void>;
  /** Resolves when every replica uses Redis again and answers from Postgres. */
  recovered(): Promise<void>;
  /** Forgets calls and users: another history begins. */
  startAnew(): void;
  /** Makes many live sessions of one user all at once, without a limit. */
  openSessions(user: KnownUser, count: number): Promise<KnownSession[]>;
  /** Runs `work` while no security event can be written, as during a migration of their table. */
  whileEventsAreLocked(work: () => Promise<void>): Promise<void>;
  /** Suspends the machine of a replica; resolves to what resumes it after so many milliseconds. */
  suspend(replica: number, ms: number): Promise<() => void>;
  /** How many passwords all replicas have checked so far. */
  checkedPasswords(): number;
  /** Ends some of the connections to Postgres. */
  terminateBackends(): Promise<void>;
  /** Everything that the history so far breaks. */
  verdict(): Promise<Violation[]>;
  close(): Promise<void>;
}

const CLOCK_SLACK_MS = 100;
/** A busy machine is no fault. */
const RECOVERY_MS = 60_000;

/** As the service does it; where nothing fails, to look more often only takes time. */
const DIRECT_PULSE_MS = 100;

const TERMINATE = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'curfew' AND random() < 0.5`;

const first = ([core]: readonly CoreReplica[]): CoreReplica => {
  if (core === undefined) throw new Error("a world without a replica");
  return core;
};

export const createWorld = async (options: WorldOptions): Promise<World> => {
  const { random, sabotage = {}, wallSkewsMs = [0, 0], loginFailures = 1000 } = options;
  const settings = { ...TEST_SETTINGS, ...options.settings };
  const database = await options.databases.create();
  const redis = await startRedis();
  const { hostname, port } = new URL(database.url);
  const postgresLink = await startTcpProxy({ host: hostname, port: Number(port) });
  const redisLinks = await Promise.all(wallSkewsMs.map(() => startTcpProxy({ port: redis.port })));
  const stores: StoreUrls = { redisUrl: redis.url, databaseUrl: database.url };
  const touches = { bySession: new Map<string, number>() };
  let checked = 0;
  const counted = (hasher: PasswordHasher): PasswordHasher => ({
    ...hasher,
    verify: (...args) => {
      checked += 1;
      return hasher.verify(...args);
    },
  });

  const startOne = (link: TcpProxy, wallSkewMs: number): Promise<CoreReplica> => {
    const jitter = jittery(random.fork(), touches);
    const replica: CoreReplicaOptions = {
      databaseUrl: options.direct ? database.url : postgresLink.urlFor(database.url),
      redisUrl: options.direct ? redis.url : link.urlFor(redis.url),
      settings,
      wallSkewMs,
      ...(options.direct && { heartbeatMs: DIRECT_PULSE_MS }),
      throttle: { perAccount: loginFailures, perSource: options.sourceFailures ?? 1_000_000 },
      guardsSilence: options.guardsSilence === true,
      postgresTimeoutMs: options.postgresTimeoutMs ?? 10_000,
      ...(options.shares && { shares: true }),
      wrapPorts: (given) => {
        const jittered = jitter(given);
        const ports = { ...jittered, hasher: counted(jittered.hasher) };
        return sabotage.ports?.(ports, stores) ?? ports;
      },
    };
    return startCoreReplica(replica);
  };
  const cores: CoreReplica[] = [];
  const close = async (): Promise<void> => {
    postgresLink.restore();
    redis.resume();
    for (const link of redisLinks) link.restore();
    await Promise.all(cores.map((core) => core.close()));
    await Promise.all([postgresLink, ...redisLinks].map((link) => link.close()));
    await redis.stop("SIGKILL");
    await database.drop();
  };
  try {
    for (const [i, link] of redisLinks.entries())
      cores.push(await startOne(link, wallSkewsMs[i] ?? 0));
  } catch (failure) {
    await close();
    throw failure;
  }

  let ahead = 0;
  let flushes = 0;
  const recorder = createRecorder(() => performance.now() + ahead);
  const client = recordingClient(recorder);
  const users: KnownUser[] = [];
  const observer = createClient({ connectionString: database.url });
  // Errors are ignored here: if the connection is lost, the next query on it fails.
  observer.on("error", () => undefined);
  await observer.connect();
  const rules: Rules = {
    ...settings,
    activityLossMs: 0,
    clockSlackMs: CLOCK_SLACK_MS,
    loginFailures,
  };
  const callers = createCallers(random.fork());
  const replicas = cores.map((replica, i) => {
    const core = sabotage.core?.(replica.core, replica, stores) ?? replica.core;
    return coreTarget(`replica-${i}`, core, callers);
  });
  /** What replicas write down within 50 ms. */
  const noteAnswers = () =>
    Promise.all(cores.flatMap(({ core }) => [core.answers.flush(), core.unanswered.flush()]));
  const flush = async () => {
    flushes += 1;
    await Promise.all(cores.map(({ core }) => core.activity.flush()));
  };

  return {
    random,
    rules,
    replicas,
    client,
    callers,
    recorder,
    redis,
    redisLinks,
    postgresLink,

    async newUser() {
      const username = `user-${randomUUID()}`;
      const newcomer = { username, password: PASSWORD, displayName: "", roles: [] };
      const { id } = await retryUntilAvailable(() =>
        first(cores).core.users.create(newcomer, { by: "system", ip: "" }),
      );
      const user: KnownUser = { id, username, password: PASSWORD };
      users.push(user);
      return user;
    },

    async advance(ms) {
      await callers.idle();
      await flush();
      await noteAnswers();
      ahead += ms;
      for (const core of cores) core.advance(ms);
    },

    async recovered() {
      const hasLeases = async () => {
        await Promise.all(
          cores.map(({ core }) => core.cacheLease.heartbeat().catch(() => undefined)),
        );
        return cores.every(({ core }) => core.cacheLease.lease() !== undefined);
      };
      await waitUntil("all replicas trust Redis again", hasLeases, RECOVERY_MS);
      const finished = async () => {
        const { rows } = await observer.query(
          "SELECT 1 FROM sessions WHERE hot_pending AND revoked_at IS NOT NULL LIMIT 1",
        );
        return rows.length === 0;
      };
      await waitUntil("what was left has been finished", finished, RECOVERY_MS);
    },

    startAnew() {
      recorder.clear();
      users.length = 0;
      touches.bySession.clear();
      flushes = 0;
    },

    openSessions: (user, count) => openInBulk(first(cores), recorder, user, count),

    async whileEventsAreLocked(work) {
      await observer.query("BEGIN");
      await observer.query("LOCK TABLE audit_events IN SHARE MODE");
      try {
        await work();
      } finally {
        await observer.query("ROLLBACK");
      }
    },

    suspend: async (replica, ms) => (await cores[replica]?.suspend(ms)) ?? (() => undefined),

    checkedPasswords: () => checked,

    async terminateBackends() {
      await observer.query(TERMINATE);
    },

    async verdict() {
      await callers.idle();
      await noteAnswers().catch(() => undefined);
      const userIds = users.map(({ id }) => id);
      const aftermath = await readAftermath(observer, userIds);
      const activity = { flushes: flushes * cores.length, bySession: touches.bySession };
      return checkHistory(recorder.calls(), rules, { ...aftermath, activity });
    },

    async close() {
      await observer.end();
      await close();
    },
  };
};
