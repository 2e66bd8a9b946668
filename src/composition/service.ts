import cluster from "node:cluster";
import type { Settings } from "../config/settings.js";
import { serviceKeyCheck } from "../core/caller/service_key_check.js";
import { DENIED_CALLS_WINDOW_MS, deniedCalls } from "../core/events/denied_calls.js";
import { EVENTS_POLL_MS } from "../core/events/session_events_feed.js";
import type { PatternRound } from "../core/events/unusual_patterns.js";
import { ANSWERS_EVERY_MS } from "../core/refresh/answer_log.js";
import { REVOCATION_POLL_MS, revocationFeed } from "../core/revocation/revocation_feed.js";
import { toleratedActivityLossMs } from "../core/settings.js";
import { createUseCases } from "../core/use_cases.js";
import { checkDatabase } from "../postgres/database_check.js";
import { poolUse, warm } from "../postgres/lending.js";
import { forgetReplicas } from "../postgres/replica_registry.js";
import { readDescriptors } from "../rpc/descriptors.js";
import type { Logger } from "../telemetry/logger.js";
import { createMetrics, type Metrics } from "../telemetry/metrics.js";
import type { MetricsServer } from "../telemetry/metrics_server.js";
import { shareMetrics } from "../telemetry/worker_metrics.js";
import { boundedLogin, boundedSignIn } from "./bounded_login.js";
import { coreSettings, localPorts, subjectTokens, systemClock } from "./core.js";
import { firstAdministrator } from "./first_start.js";
import { type RunningGateway, startGateway } from "./gateway.js";
import { measuredFeed, measuredPorts } from "./measured.js";
import { openMetricsPort } from "./metrics_port.js";
import { type Periodic, periodically } from "./periodic.js";
import { readySchema } from "./ready_schema.js";
import { createRedisWatch } from "./redis_watch.js";
import { retryUntilAvailable } from "./retry_until_available.js";
import { listenForGateway, listenRpc, rpcServer } from "./rpc.js";
import { keyReloadMs, openKeys } from "./signing.js";
import {
  openHot,
  openPrimaryStore,
  reachDatabase,
  servingPorts,
  warmConnections,
} from "./stores.js";
import { openTracing, tracedHotStore, traceStatements } from "./traced.js";
import { startUpkeep } from "./upkeep.js";

/**
 * The interval of heartbeats, in milliseconds. A heartbeat checks the cache lease and sends the hot store the
 * revocations of other replicas.
 */
const HEARTBEAT_MS = 100;
/** The same where both stores are in this process: no entry can be lost, and no other process revokes sessions. */
const EMBEDDED_HEARTBEAT_MS = 1000;
/** How soon login attempts that an outage cut off are forgiven once Postgres answers. */
const FORGIVE_MS = 250;
/** How soon a revoked service key ends on the other replicas, in milliseconds, its open streams included. */
const SERVICE_KEYS_EVERY_MS = 100;
/** How often connections that were lost are opened again before they are needed, in milliseconds. */
const WARM_EVERY_MS = 1000;

/** A running service. */
export interface Service {
  /** Where it listens; 0: not at all. */
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly metricsPort: number;
  /** Why Redis could not be used at the start; undefined: it could, or there is none. */
  readonly hotStoreTrouble: string | undefined;
  /** Ends calls gracefully and writes the data that is only in memory. */
  stop(): Promise<void>;
}

/**
 * Starts everything that the settings ask for, in this process.
 *
 * @param onGeneratedPassword receives the first administrator's password if this start generated one. The password is
 * valid from then on, even if the start fails later.
 */
export const startService = async (
  settings: Settings,
  logger: Logger,
  onGeneratedPassword: (password: string) => void = () => undefined,
): Promise<Service> => {
  const closers: (() => Promise<unknown> | undefined)[] = [];
  /** Closes all of them even if one fails: an open one would keep the process alive. */
  const closeAll = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const close of closers.reverse())
      await Promise.resolve(close()).catch((failure: unknown) => failures.push(failure));
    if (failures.length > 0) throw failures[0];
  };
  try {
    return await start(settings, logger, onGeneratedPassword, closers, closeAll);
  } catch (error) {
    await closeAll().catch(() => undefined);
    throw error;
  }
};

const start = async (
  settings: Settings,
  logger: Logger,
  onGeneratedPassword: (password: string) => void,
  closers: (() => Promise<unknown> | undefined)[],
  closeAll: () => Promise<void>,
): Promise<Service> => {
  const metrics = createMetrics();
  const clock = systemClock();
  // First, so that the operator hears at once of a Redis that cannot be used.
  const redis = createRedisWatch(logger, clock.monotonic);
  const { hot: untraced, revocationSignal } = openHot(settings, clock.now, metrics, redis.see);
  closers.push(() => untraced.close());
  closers.push(() => revocationSignal.close());
  const look = () => untraced.identify().catch(() => undefined);
  const looking = periodically("the first look at the hot store", HEARTBEAT_MS, look, logger, 0);
  closers.push(async () => looking.stop());
  if (settings.embedded)
    logger.info(`opening the database in ${settings.dataDir}; the first time takes a few seconds`);
  const tracing = await openTracing(settings);
  closers.push(() => tracing?.stop());
  await retryUntilAvailable(() => reachDatabase(settings, (sentence) => logger.warn(sentence)));
  const primaryStore = await openPrimaryStore(settings, {
    onQueue: {
      onAdmitted: metrics.queue.onAdmitted,
      onRefused: (work, cause) => {
        metrics.queue.onRefused(work, cause);
        metrics.countRefusal("queue", `postgres_${work}`);
      },
    },
  });
  closers.push(primaryStore.close);
  if (tracing) traceStatements(primaryStore.database, tracing);
  const { isPooled, advice } = await retryUntilAvailable(() =>
    checkDatabase(primaryStore.database),
  );
  if (isPooled)
    logger.warn(
      { advice },
      "DATABASE_URL leads to a connection pooler such as PgBouncer: statements are not prepared; see deploy/pgbouncer.md",
    );
  const applied = await retryUntilAvailable(() =>
    readySchema(settings, primaryStore, (sentence) => logger.warn(sentence)),
  );
  if (applied.length > 0) logger.info({ applied }, "the schema is up to date");

  await retryUntilAvailable(() => warm(primaryStore.database, warmConnections(settings)));
  const { keys, serviceKeys, leases, sessionCounts, registry, ...primary } = servingPorts(
    primaryStore.database,
    settings,
  );
  const forWork = measuredPorts(primary.forWork, clock, metrics);
  const stores = { ...forWork("administration"), forWork, registry };
  metrics.queue.watchPool(() => poolUse(primaryStore.database));
  // The lock of the data directory proves that every process that had a lease in it is dead.
  if (settings.embedded) await retryUntilAvailable(() => forgetReplicas(primaryStore.database));
  const keyring = await retryUntilAvailable(() => openKeys(settings, keys, clock));
  const hot = tracing && settings.redisUrl ? tracedHotStore(untraced, tracing) : untraced;
  const onEvents = ({ events, found }: PatternRound) => metrics.sessions.countEvents(events, found);
  const ports = {
    ...stores,
    ...localPorts(settings, keyring),
    subjectTokens: subjectTokens(settings, clock, logger),
    hot,
    clock,
    onEvents,
  };
  const useCases = createUseCases(ports, coreSettings(settings));
  const core = {
    ...useCases,
    login: boundedLogin(useCases),
    exchangeToken: boundedSignIn(useCases.exchangeToken, useCases.requireSource),
  };
  metrics.watchBreaker(() => (core.cacheLease.lease() === undefined ? "open" : "closed"));
  const feed = revocationFeed({ ...ports, ...core.leased("control"), cacheLease: core.cacheLease });
  const revocations = measuredFeed(feed, clock, metrics);
  core.cacheLease.onRevoked(revocationSignal.announce);
  // What goes wrong in it goes wrong again in the next regular poll, where it is reported.
  revocationSignal.onRevocation(() => void revocations.poll().catch(() => undefined));
  const denied = deniedCalls({ ...ports, ...forWork("background") });
  const serviceKeyRing = serviceKeyCheck(serviceKeys, clock);

  const generatedPassword = await retryUntilAvailable(() =>
    firstAdministrator(settings, core.bootstrapAdmin),
  );
  if (generatedPassword !== undefined) onGeneratedPassword(generatedPassword);
  looking.stop();
  await retryUntilAvailable(core.cacheLease.heartbeat);
  await retryUntilAvailable(serviceKeyRing.reload);

  const activityEveryMs = Math.max(20, toleratedActivityLossMs(settings.idleTimeoutMs) / 2);
  const isAlone = settings.embedded && settings.redisUrl === undefined;
  const heartbeatMs = isAlone ? EMBEDDED_HEARTBEAT_MS : HEARTBEAT_MS;
  const background: Periodic[] = [
    periodically("the look at the hot store", heartbeatMs, core.cacheLease.heartbeat, logger),
    periodically(
      "opening connections",
      WARM_EVERY_MS,
      () => warm(primaryStore.database, warmConnections(settings)),
      logger,
    ),
    periodically("writing activity", activityEveryMs, core.activity.flush, logger),
    periodically("noting what was answered", ANSWERS_EVERY_MS, core.answers.flush, logger),
    periodically("forgiving login attempts", FORGIVE_MS, core.flushForgivenAttempts, logger),
    periodically("withdrawing logins", ANSWERS_EVERY_MS, core.unanswered.flush, logger),
    periodically(
      "reading service keys",
      isAlone ? EMBEDDED_HEARTBEAT_MS : SERVICE_KEYS_EVERY_MS,
      serviceKeyRing.reload,
      logger,
    ),
    periodically("reading signing keys", keyReloadMs(settings), () => keyring.reload(), logger),
    periodically("following revocationSignal", REVOCATION_POLL_MS, revocations.poll, logger),
    periodically("telling events", EVENTS_POLL_MS, core.sessionEvents.poll, logger),
    periodically("telling denied calls", DENIED_CALLS_WINDOW_MS, denied.flush, logger),
    ...startUpkeep({ settings, core, ...ports, keys, leases, sessionCounts, logger, metrics }),
  ];

  const descriptors = readDescriptors();
  const server = rpcServer({
    settings,
    descriptors,
    deps: {
      core,
      ...stores,
      ...core.leased("administration"),
      revocations,
      clock,
      settings: coreSettings(settings),
      jwks: () => keyring.jwks(),
      stores: () => [
        { store: "postgres", isUp: core.cacheLease.primaryStoreAnswers() },
        {
          store: settings.redisUrl ? "redis" : "memory",
          isUp: core.cacheLease.lease() !== undefined,
        },
      ],
    },
    denied,
    serviceKeys: serviceKeyRing,
    // Without Postgres, calls are answered as long as the lease on the hot store lasts.
    isServing: () => core.cacheLease.primaryStoreAnswers() || core.cacheLease.lease() !== undefined,
    logger,
    metrics,
    tracing,
  });
  // Streams of a session end with it, wherever it was ended.
  revocationSignal.onRevocation(server.reviewStreams);
  let gateway: RunningGateway | undefined;
  let exporter: MetricsServer | undefined;
  closers.push(() => exporter?.close());
  closers.push(async () => {
    // Health says NOT_SERVING, and /readyz 503; after the delay first REST is drained, then gRPC.
    gateway?.beginStop();
    await server.stop({
      delayMs: settings.production ? 1000 : 0,
      beforeDrain: async () => gateway?.close(),
      graceMs: settings.shutdownGraceMs,
      flush: async () => {
        const writes = [core.activity.flush(), core.answers.flush(), core.unanswered.flush()];
        await Promise.all(writes).catch((err: unknown) =>
          logger.error({ err }, "the last uses of sessions were lost: the database did not answer"),
        );
      },
    });
    for (const work of background) work.stop();
    await denied.flush().catch(() => undefined);
    await leases.leave().catch(() => undefined);
    await core.cacheLease.leave().catch(() => undefined);
  });
  const grpcPort = await listenRpc(server, settings, logger);

  if (settings.httpPort !== 0) {
    const parts = { logger, tracing, countRefusal: metrics.countRefusal };
    gateway = await startGateway(settings, descriptors, await listenForGateway(server), parts);
  }
  exporter = await exportMetrics(settings, metrics);

  // The line that says "ready" also says whether tokens are validated from Redis.
  if (settings.redisUrl !== undefined) await redis.firstSeen;

  return {
    grpcPort,
    httpPort: gateway?.port ?? 0,
    metricsPort: exporter?.port ?? 0,
    hotStoreTrouble: redis.trouble(),
    stop: closeAll,
  };
};

/** A worker leaves the port to the process that oversees all of them. */
const exportMetrics = async (
  settings: Settings,
  metrics: Metrics,
): Promise<MetricsServer | undefined> => {
  if (!cluster.isWorker) return openMetricsPort(settings, metrics);
  shareMetrics(metrics);
  return undefined;
};
