import { randomUUID } from "node:crypto";
import type { Settings } from "../config/settings.js";
import type { HotStore } from "../core/ports/hot_store.js";
import type { RevocationSignal } from "../core/ports/revocation_signal.js";
import type { WorkClass } from "../core/ports/work_class.js";
import { activityStepMs } from "../core/settings.js";
import type { PrimaryPorts } from "../core/use_cases.js";
import { inProcessHotStore } from "../embedded/in_process_hot_store.js";
import { inProcessRevocationSignal } from "../embedded/in_process_revocation_signal.js";
import { openEmbeddedPostgres } from "../embedded/pglite.js";
import { postgresAuditLog } from "../postgres/audit_log.js";
import { type Database, type DatabaseOptions, openDatabase, run } from "../postgres/database.js";
import { makeFirstContact } from "../postgres/first_contact.js";
import { postgresJobLeases } from "../postgres/job_leases.js";
import { postgresKeyStore } from "../postgres/key_store.js";
import { shareOf } from "../postgres/lending.js";
import { postgresLoginThrottle } from "../postgres/login_throttle.js";
import { type MigrationStatus, migrateUp, migrationStatus } from "../postgres/migrate.js";
import { postgresReplicaRegistry } from "../postgres/replica_registry.js";
import { postgresServiceKeyStore } from "../postgres/service_key_store.js";
import { postgresSessionCounts } from "../postgres/session_counts.js";
import { postgresSessionStore } from "../postgres/session_store.js";
import { sharesOf } from "../postgres/shares.js";
import { type SilenceGuard, unlessUnresponsive } from "../postgres/unresponsive.js";
import { postgresUserStore } from "../postgres/user_store.js";
import { openRedis } from "../redis/client.js";
import { redisHotStore } from "../redis/hot_store.js";
import { redisRevocationSignal } from "../redis/revocation_signal.js";
import type { Metrics } from "../telemetry/metrics.js";
import { measuredHotStore } from "./measured.js";

/** Most time that work without a caller waits for its turn at Postgres, in milliseconds. */
const MAX_QUEUE_WAIT_MS = 5000;
/** Most time of one statement, in milliseconds; those of migrations have no limit. */
const STATEMENT_TIMEOUT_MS = 2000;
/** Sessions the in-process hot store remembers: some 400 bytes each. */
const IN_PROCESS_SESSIONS = 200_000;

/** Connections that a server opens at its start and keeps: each class of work has those of its share. */
export const warmConnections = ({ postgresPoolSize }: Settings): number =>
  Object.values(sharesOf(postgresPoolSize)).reduce((sum, share) => sum + share, 0);

/** The primary store: Postgres, ours in the process or yours. */
export interface PrimaryStore {
  readonly database: Database;
  /** @param onWait receives a sentence about the other process that migrates, as long as this one waits for it */
  migrateUp(onWait?: (sentence: string) => void): Promise<string[]>;
  migrationStatus(): Promise<MigrationStatus>;
  close(): Promise<void>;
}

/**
 * Opens the database of the settings; the embedded one if they name none.
 *
 * @param patient for a command, whose caller prefers to wait
 * @param onQueue receives the work that waits for a connection, and the refused work
 */
export const openPrimaryStore = async (
  settings: Settings,
  {
    patient = false,
    onQueue,
  }: { readonly patient?: boolean; readonly onQueue?: DatabaseOptions["onQueue"] } = {},
): Promise<PrimaryStore> => {
  const embedded =
    settings.databaseUrl === undefined
      ? await openEmbeddedPostgres({ dataDir: settings.dataDir })
      : undefined;
  const connection = settings.databaseUrl ?? { ...embedded?.connection };
  const database = openDatabase({
    connection,
    poolSize: settings.postgresPoolSize,
    // The embedded database works in this very process, one statement after the other.
    acquireTimeoutMs: embedded || patient ? 10_000 : MAX_QUEUE_WAIT_MS,
    statementTimeoutMs: embedded || patient ? 10_000 : STATEMENT_TIMEOUT_MS,
    reserve: !patient,
    warmConnections: patient ? 0 : warmConnections(settings),
    onQueue,
    sharedBackend: embedded !== undefined,
  });
  return {
    database,
    async migrateUp(onWait = () => undefined) {
      // A pool of its own, since a migration may take its time.
      const patient = openDatabase({
        connection,
        poolSize: 2,
        acquireTimeoutMs: 10_000,
        statementTimeoutMs: 0,
        sharedBackend: embedded !== undefined,
      });
      try {
        return await migrateUp(patient, connection, { onWait });
      } finally {
        await patient.destroy();
      }
    },
    migrationStatus: () => run(migrationStatus(database)),
    async close() {
      await database.destroy();
      await embedded?.close();
    },
  };
};

/** Waits in bounded time for a database outside this process; calls `onWait` when the wait is long. */
export const reachDatabase = async (
  { databaseUrl }: Settings,
  onWait: (sentence: string) => void,
): Promise<void> => {
  if (databaseUrl !== undefined) await makeFirstContact(databaseUrl, onWait);
};

const primaryPorts = (database: Database, settings: Settings): PrimaryPorts => ({
  store: postgresSessionStore(database),
  users: postgresUserStore(database),
  audit: postgresAuditLog(database),
  throttle: postgresLoginThrottle(database, {
    perAccount: settings.loginMaxFailures,
    perSource: settings.loginMaxFailuresPerSource,
    windowMs: settings.loginLockMs,
  }),
});

/** The ports that Postgres answers. */
export const primaryStorePorts = (database: Database, settings: Settings) => ({
  ...primaryPorts(database, settings),
  keys: postgresKeyStore(database),
  serviceKeys: postgresServiceKeyStore(database),
  registry: postgresReplicaRegistry(database, randomUUID(), {
    isPrivate: settings.redisUrl === undefined,
  }),
  leases: postgresJobLeases(database, randomUUID()),
  sessionCounts: postgresSessionCounts(database),
});

/**
 * The same for a server: each class of work has a share of the connections, and
 * what callers wait for is given up when the database hangs. The embedded
 * database works in this very process.
 */
export const servingPorts = (database: Database, settings: Settings) => {
  const guard = settings.embedded ? undefined : unlessUnresponsive(database);
  const made = new Map<WorkClass, PrimaryPorts>();
  const forWork = (work: WorkClass): PrimaryPorts => {
    const ports = made.get(work) ?? guarded(primaryPorts(shareOf(database, work), settings), guard);
    made.set(work, ports);
    return ports;
  };
  const control = primaryStorePorts(shareOf(database, "control"), settings);
  const background = primaryStorePorts(shareOf(database, "background"), settings);
  const { keys, serviceKeys, registry } = control;
  const { leases, sessionCounts } = background;
  return {
    ...forWork("administration"),
    forWork,
    keys,
    serviceKeys,
    registry,
    leases,
    sessionCounts,
  };
};

const guarded = (ports: PrimaryPorts, guard: SilenceGuard | undefined): PrimaryPorts =>
  guard === undefined
    ? ports
    : {
        store: guard.store(ports.store),
        users: guard.port(ports.users),
        audit: guard.port(ports.audit),
        throttle: guard.port(ports.throttle),
      };

/** The hot store of the settings, and how revocations are announced; in this process if they name no Redis. */
export const openHot = (
  settings: Settings,
  now: () => number,
  metrics: Metrics,
  onIdentified?: (failure: unknown) => void,
): { readonly hot: HotStore; readonly revocationSignal: RevocationSignal } => {
  const { idleTimeoutMs } = settings;
  if (settings.redisUrl === undefined)
    return {
      hot: measuredHotStore(
        inProcessHotStore({ idleTimeoutMs, maxSessions: IN_PROCESS_SESSIONS }),
        metrics,
      ),
      revocationSignal: inProcessRevocationSignal(),
    };
  const redis = openRedis({
    url: settings.redisUrl,
    commandTimeoutMs: settings.redisTimeoutMs,
  });
  return {
    hot: redisHotStore({
      ...redis,
      idleTimeoutMs,
      activityStepMs: activityStepMs({ idleTimeoutMs, limitPolicy: settings.sessionLimitPolicy }),
      now,
      ...(onIdentified && { onIdentified }),
      onBatch: (script, size) => {
        if (script === "check") metrics.countHotBatch(size);
      },
      onAnswers: (outcome, questions) =>
        metrics.countHotAnswers(outcome === "unknown" ? "doubt" : outcome, questions),
    }),
    revocationSignal: redisRevocationSignal(redis.client),
  };
};
