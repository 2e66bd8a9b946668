import { randomUUID } from "node:crypto";
import { retryUntilAvailable } from "../../src/composition/retry_until_available.js";
import { CurfewError } from "../../src/core/errors.js";
import type { TrustedIssuer } from "../../src/core/exchange/trusted_issuer.js";
import type { HotStore } from "../../src/core/ports/hot_store.js";
import type { WorkClass } from "../../src/core/ports/work_class.js";
import { activityStepMs, type CoreSettings } from "../../src/core/settings.js";
import { type SharedClock, sharedClock } from "../../src/core/shared_clock.js";
import {
  createUseCases,
  type Ports,
  type PrimaryPorts,
  type UseCases,
} from "../../src/core/use_cases.js";
import { type Keyring, openKeyring } from "../../src/crypto/keyring.js";
import { createPasswordHasher } from "../../src/crypto/password_hasher.js";
import { createRefreshTokenCodec } from "../../src/crypto/refresh_token_codec.js";
import { createTokenSigner } from "../../src/crypto/token_signer.js";
import { createTokenVerifier } from "../../src/crypto/token_verifier.js";
import { uuidV7Source } from "../../src/crypto/uuid_v7.js";
import { createSubjectTokenVerifier } from "../../src/issuers/subject_token_verifier.js";
import { postgresAuditLog } from "../../src/postgres/audit_log.js";
import { type Database, openDatabase } from "../../src/postgres/database.js";
import { postgresKeyStore } from "../../src/postgres/key_store.js";
import { shareOf } from "../../src/postgres/lending.js";
import { postgresLoginThrottle } from "../../src/postgres/login_throttle.js";
import { postgresReplicaRegistry } from "../../src/postgres/replica_registry.js";
import { postgresSessionStore } from "../../src/postgres/session_store.js";
import { unlessUnresponsive } from "../../src/postgres/unresponsive.js";
import { postgresUserStore } from "../../src/postgres/user_store.js";
import { openRedis, type RedisClient } from "../../src/redis/client.js";
import { redisHotStore } from "../../src/redis/hot_store.js";

/** The core of one replica on real stores, without gRPC. */
export interface CoreReplica {
  readonly core: UseCases;
  readonly ports: Ports;
  readonly database: Database;
  readonly keyring: Keyring;
  readonly settings: CoreSettings;
  /** Moves this replica's time on by milliseconds, as waiting would. */
  advance(ms: number): void;
  /** Moves only what measures leases and time limits on, and the time with it until Postgres is next asked. */
  age(ms: number): void;
  /**
   * The machine is suspended: nothing of it runs, Postgres's clock goes on, and of
   * its own clocks the wall clock alone. Resolves to what resumes it after so many milliseconds.
   */
  suspend(ms: number): Promise<() => void>;
  /** An orderly stop: flushes activity and gives up the lease. Once is enough; more do nothing. */
  close(): Promise<void>;
  /** Ends as kill -9 does: activity is lost and the lease stays behind. */
  kill(): Promise<void>;
}

export interface CoreReplicaOptions {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly settings?: Partial<CoreSettings>;
  /** The interval of heartbeats in milliseconds; 0: the test triggers them. */
  readonly heartbeatMs?: number;
  /** Wraps the hot store, to watch or break it. */
  readonly wrapHot?: (hot: HotStore) => HotStore;
  /** Wraps all ports, the hot store included, to watch or break them. */
  readonly wrapPorts?: (ports: Ports) => Ports;
  readonly throttle?: { perAccount: number; perSource: number };
  /** Time from a clock of the test's own, in milliseconds since the epoch. */
  readonly now?: () => number;
  /** How far this machine's wall clock is ahead, in milliseconds. */
  readonly wallSkewMs?: number;
  /** Most time of one Redis command, in milliseconds. */
  readonly redisTimeoutMs?: number;
  /** Most time of one statement, and of waiting for a connection, in milliseconds. */
  readonly postgresTimeoutMs?: number;
  /** Whether it gives up on a Postgres that hangs, as a server does. */
  readonly guardsSilence?: boolean;
  /** Issuers whose ID tokens are exchanged. Default: none. */
  readonly issuers?: readonly TrustedIssuer[];
  /** Whether each class of work has connections of its own, as in a service. Default: all share alike. */
  readonly shares?: boolean;
}

export const TEST_SETTINGS: CoreSettings = {
  issuer: "https://curfew.test",
  audience: "curfew",
  defaultClientId: "curfew",
  accessTtlMs: 15 * 60_000,
  idleTimeoutMs: 30 * 60_000,
  maxLifetimeMs: 168 * 3_600_000,
  graceMs: 10_000,
  maxSessions: 5,
  limitPolicy: "evict_oldest",
  consistencyTimeoutMs: 5000,
  retentionMs: 168 * 3_600_000,
  auditRetentionMs: 2160 * 3_600_000,
  passwordMinLength: 15,
  passwordContextWords: [],
};

export const PASSWORD = "a perfectly fine passphrase";

export const startCoreReplica = async (options: CoreReplicaOptions): Promise<CoreReplica> => {
  const settings = { ...TEST_SETTINGS, ...options.settings };
  const { postgresTimeoutMs = 5000, redisTimeoutMs = 250, wallSkewMs = 0 } = options;
  const database = openDatabase({
    connection: options.databaseUrl,
    poolSize: 8,
    // A storm on a busy machine waits in the queue as long as it takes.
    acquireTimeoutMs: options.postgresTimeoutMs ?? 60_000,
    connectTimeoutMs: postgresTimeoutMs,
    reserve: options.shares === true,
    statementTimeoutMs: postgresTimeoutMs,
  });
  let ahead = 0;
  let aged = 0;
  let slept = 0;
  const replicaId = randomUUID();
  const base = sharedClock({
    wall: () => Date.now() + wallSkewMs + aged + slept,
    monotonic: () => performance.now() + aged,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  });
  const time = options.now ?? base.now;
  const clock: SharedClock = { ...base, now: () => time() + ahead };
  const keyring = await retryUntilAvailable(() =>
    openKeyring({ store: postgresKeyStore(database), algorithm: "ES256", clock }),
  );
  const opened = openRedis({
    url: options.redisUrl,
    commandTimeoutMs: redisTimeoutMs,
  });
  await firstConnection(opened.client);
  const { idleTimeoutMs } = settings;
  const redis = redisHotStore({
    ...opened,
    idleTimeoutMs,
    activityStepMs: activityStepMs(settings),
    now: clock.now,
  });
  const primaryOn = (source: Database): PrimaryPorts => ({
    store: options.guardsSilence
      ? unlessUnresponsive(database).store(postgresSessionStore(source))
      : postgresSessionStore(source),
    users: postgresUserStore(source),
    audit: postgresAuditLog(source),
    throttle: postgresLoginThrottle(source, {
      windowMs: 900_000,
      ...(options.throttle ?? { perAccount: 1000, perSource: 10_000 }),
    }),
  });
  const ownPorts: Ports = {
    ...primaryOn(database),
    ...(options.shares && { forWork: (work: WorkClass) => primaryOn(shareOf(database, work)) }),
    registry: postgresReplicaRegistry(database, replicaId),
    hot: options.wrapHot?.(redis) ?? redis,
    signer: createTokenSigner(keyring),
    verifier: createTokenVerifier({ keys: keyring, ...settings }),
    subjectTokens: createSubjectTokenVerifier({
      issuers: options.issuers ?? [],
      clock,
      timeoutMs: 5000,
      allowLoopbackHttp: true,
      onFailure: () => undefined,
    }),
    codec: createRefreshTokenCodec(keyring),
    hasher: createPasswordHasher({
      cost: { memoryCost: 64, timeCost: 1, parallelism: 1 },
      maxQueue: 1000,
      maxWaitMs: 60_000,
    }),
    isCommonPassword: () => false,
    ids: uuidV7Source(),
    clock,
    schedule: setImmediate,
  };
  const ports = options.wrapPorts?.(ownPorts) ?? ownPorts;
  const core = createUseCases(ports, settings);
  await retryUntilAvailable(core.cacheLease.heartbeat);
  const { heartbeatMs = 50 } = options;
  const heartbeat = () =>
    Promise.allSettled([
      core.cacheLease.heartbeat(),
      core.answers.flush(),
      core.unanswered.flush(),
    ]);
  const startBeat = () => (heartbeatMs > 0 ? setInterval(heartbeat, heartbeatMs) : undefined);
  let beat = startBeat();
  let ended: Promise<void> | undefined;
  const kill = async () => {
    clearInterval(beat);
    // First, so that the loss of Redis does not make it give up its lease.
    await database.destroy();
    await redis.close();
  };
  const close = async () => {
    clearInterval(beat);
    await heartbeat();
    await core.activity.flush().catch(() => undefined);
    await core.cacheLease.leave().catch(() => undefined);
    await kill();
  };
  return {
    core,
    ports,
    database,
    keyring,
    settings,
    advance: (ms) => {
      ahead += ms;
    },
    age(ms) {
      aged += ms;
    },
    async suspend(ms) {
      clearInterval(beat);
      await heartbeat();
      await database.raw(
        "UPDATE replicas SET trusts_until = trusts_until - ? * interval '1 millisecond' WHERE replica_id = ?",
        [ms, replicaId],
      );
      return () => {
        slept += ms;
        beat = startBeat();
      };
    },
    close() {
      ended ??= close();
      return ended;
    },
    kill() {
      ended ??= kill();
      return ended;
    },
  };
};

/** Resolves when the client is connected, or knows that its server is down. */
const firstConnection = (client: RedisClient): Promise<void> =>
  new Promise((resolve) => {
    client.once("ready", resolve);
    client.once("close", resolve);
  });

const SYSTEM = { by: "system", ip: "" };

/** Makes a user with PASSWORD. */
export const makeUser = (
  replica: CoreReplica,
  username = `user-${randomUUID()}`,
  roles: string[] = [],
) =>
  replica.core.users.create({ username, password: PASSWORD, displayName: username, roles }, SYSTEM);

export const signIn = (replica: CoreReplica, username: string, password = PASSWORD) =>
  replica.core.login({ username, password, device: "test", ip: "192.0.2.1", userAgent: "vitest" });

/** The outcome of a call: `OK`, or the reason of its failure. */
export const outcomeOf = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
    return "OK";
  } catch (failure) {
    if (failure instanceof CurfewError) return failure.reason;
    throw failure;
  }
};

/** `valid`, or the reason why not. */
export const verdictOf = async (replica: CoreReplica, accessToken: string): Promise<string> => {
  const question = { accessToken, audience: "", skipActivity: false };
  const outcome = await outcomeOf(replica.core.validateToken(question));
  return outcome === "OK" ? "valid" : outcome;
};

/** Logs out with the token alone. Resolves to the revision. */
export const signOut = (replica: CoreReplica, accessToken: string) =>
  replica.core.logout({ accessToken, bearer: "", ip: "192.0.2.1" });
