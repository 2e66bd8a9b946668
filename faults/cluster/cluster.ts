import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { loadSettings } from "../../src/config/load_settings.js";
import { localAdmin } from "../../src/main.js";
import { makePrivateFolder } from "../../test/support/private_folder.js";
import { startTcpProxy, type TcpProxy } from "../../test/support/tcp_proxy.js";
import { waitUntil } from "../../test/support/wait_until.js";
import { checkHistory } from "../checker/check.js";
import type { Rules } from "../checker/rules.js";
import type { Violation } from "../checker/violation.js";
import { type KnownUser, recordingClient } from "../client/recording_client.js";
import type { Call } from "../history/call.js";
import { createRecorder, type Recorder } from "../history/recorder.js";
import type { Random } from "../random.js";
import type { Stage } from "../schedules/stage.js";
import { readAftermath } from "../world/aftermath.js";
import { createFakeClock } from "./fake_clock.js";
import { createLock, type Lock } from "./lock.js";
import { type PostgresPair, startPostgresPair } from "./postgres_pair.js";
import { withPostgres } from "./postgres_trouble.js";
import type { Program } from "./program.js";
import { type RedisPair, startRedisPair } from "./redis_pair.js";
import { type ClusterReplica, startReplica } from "./replica.js";

export const REPLICAS = 3;
const PASSWORD = "a perfectly fine passphrase";
const MINUTE_MS = 60_000;
/** A dead replica's lease keeps revocations waiting for 15 seconds. */
const RECOVERY_MS = 120_000;

const RULES: Rules = {
  maxSessions: 4,
  limitPolicy: "evict_oldest",
  graceMs: 1000,
  idleTimeoutMs: 60 * MINUTE_MS,
  activityLossMs: 5000,
  clockSlackMs: 250,
  loginFailures: 1000,
};

const SETTINGS = {
  HOST: "127.0.0.1",
  HTTP_PORT: "0",
  METRICS_PORT: "0",
  SERVICE_AUTH: "key",
  // The default is for a machine that runs no stores, clients and other replicas beside.
  REDIS_TIMEOUT_MS: "250",
  SHUTDOWN_GRACE_SECONDS: "2",
  MAX_CONCURRENT_SESSIONS: String(RULES.maxSessions),
  SESSION_LIMIT_POLICY: RULES.limitPolicy,
  REFRESH_GRACE_SECONDS: String(RULES.graceMs / 1000),
  SESSION_INACTIVITY_TIMEOUT_MINUTES: String(RULES.idleTimeoutMs / MINUTE_MS),
  LOGIN_MAX_FAILURES: String(RULES.loginFailures),
  LOGIN_MAX_FAILURES_PER_SOURCE: "1000000",
};

export interface ClusterOptions {
  readonly program: Program;
  /** The last replica runs this one. */
  readonly older?: Program | undefined;
  /** The library that makes clocks lie; none: all clocks are true. */
  readonly fakeTime?: string | undefined;
}

/** Replicas as processes of their own, on real stores of their own, and one client that records. */
export interface Cluster {
  readonly replicas: readonly ClusterReplica[];
  readonly programs: readonly Program[];
  readonly redis: RedisPair;
  readonly postgres: PostgresPair;
  readonly postgresExclusively: Lock;
  readonly recorder: Recorder;
  /** Begins another history, with users and random choices of its own. */
  startAnew(random: Random): Stage;
  /** Resolves when every replica works and every revocation has reached all replicas. */
  recovered(): Promise<void>;
  /** Everything that the history so far breaks. */
  verdict(): Promise<Violation[]>;
  close(): Promise<void>;
}

export const startCluster = async (options: ClusterOptions): Promise<Cluster> => {
  const { program, older, fakeTime } = options;
  const [postgres, redis] = await Promise.all([startPostgresPair(), startRedisPair()]);
  const environment = { ...SETTINGS, DATABASE_URL: postgres.url, REDIS_URL: redis.url };
  const replicas: ClusterReplica[] = [];
  const links: TcpProxy[] = [];
  const closeAll = async (): Promise<void> => {
    for (const replica of replicas) replica.close();
    await Promise.all(replicas.map((replica) => replica.stop("SIGKILL")));
    await Promise.all([redis, ...links].map((one) => one.close()));
    await postgres.close();
  };
  try {
    const key = { name: "faults", scopes: ["validate", "admin"] as const };
    const { text: serviceKey } = await localAdmin.createServiceKey(loadSettings(environment), key);
    const folder = makePrivateFolder("cluster");
    for (let i = 1; i <= REPLICAS; i++) {
      const name = `replica-${i}`;
      const clock = fakeTime ? createFakeClock(fakeTime, join(folder, `${name}.clock`)) : undefined;
      const run = older && i === REPLICAS ? older : program;
      const postgresLink = await startTcpProxy(postgres);
      links.push(postgresLink);
      replicas.push(
        await startReplica({
          ...{ name, program: run, serviceKey, folder, clock, postgresLink },
          environment: { ...environment, DATABASE_URL: postgresLink.urlFor(postgres.url) },
        }),
      );
    }
  } catch (error) {
    await closeAll();
    throw error;
  }

  const recorder = createRecorder(() => performance.now());
  const client = recordingClient(recorder);
  let users: KnownUser[] = [];

  return {
    replicas,
    programs: older ? [program, older] : [program],
    redis,
    postgres,
    postgresExclusively: createLock(),
    recorder,

    startAnew(random) {
      recorder.clear();
      users = [];
      return {
        random,
        replicas,
        client,
        async newUser() {
          const user = await createUser(random.pick(replicas));
          users.push(user);
          return user;
        },
      };
    },

    async recovered() {
      await Promise.all(replicas.map((replica) => works(replica)));
      await waitUntil(
        "every ending is settled",
        () =>
          withPostgres(postgres.url, async (database) => {
            const { rows } = await database.query(
              "SELECT 1 FROM sessions WHERE hot_pending AND revoked_at IS NOT NULL LIMIT 1",
            );
            return rows.length === 0;
          }),
        RECOVERY_MS,
      );
    },

    async verdict() {
      const userIds = users.map(({ id }) => id);
      const aftermath = await withPostgres(postgres.url, (database) =>
        readAftermath(database, userIds),
      );
      return checkHistory(recorder.calls().map(openEnded), RULES, aftermath);
    },

    close: closeAll,
  };
};

/** A name of its own for each attempt: one that was not answered may have made its user. */
const createUser = async (replica: ClusterReplica): Promise<KnownUser> => {
  for (let attempt = 1; ; attempt++) {
    const username = `user-${randomUUID()}`;
    try {
      return {
        id: await replica.createUser(username, PASSWORD),
        username,
        password: PASSWORD,
      };
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
};

/** Resolves when a replica completes an operation that needs both Postgres and Redis. */
const works = async (replica: ClusterReplica): Promise<void> => {
  await waitUntil(
    `${replica.name} works`,
    async () => {
      try {
        const { username, password } = await createUser(replica);
        const { accessToken, sessionId } = await replica.login(username, password);
        await replica.validate(accessToken, true);
        await replica.revoke(sessionId);
        return true;
      } catch {
        return false;
      }
    },
    RECOVERY_MS,
  );
};

/** A call without an answer may still do its work after the caller has given up: in a replica that was frozen, say. */
const openEnded = (call: Call): Call =>
  call.answer.kind === "uncertain" ? { ...call, end: Number.POSITIVE_INFINITY } : call;
