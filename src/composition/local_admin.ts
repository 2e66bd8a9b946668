import type { LocalAdmin, ServiceKeySummary } from "../cli/local_admin.js";
import type { Settings } from "../config/settings.js";
import type { AuditEvent } from "../core/events/audit_event.js";
import type { ServiceKey } from "../core/ports/service_key_store.js";
import { createUseCases } from "../core/use_cases.js";
import { importUsers } from "../core/users/import_users.js";
import { createHashJudge } from "../crypto/hash_judge.js";
import { mintServiceKey } from "../crypto/service_key.js";
import { uuidV7Source } from "../crypto/uuid_v7.js";
import { advanceRevision } from "../postgres/advance_revision.js";
import { postgresUserIntake } from "../postgres/user_intake.js";
import { readDescriptors } from "../rpc/descriptors.js";
import { routeGrpcLog } from "../rpc/grpc_log.js";
import { createMetrics } from "../telemetry/metrics.js";
import { coreSettings, localPorts, subjectTokens, systemClock } from "./core.js";
import { serviceOf, startGateway } from "./gateway.js";
import { readySchema } from "./ready_schema.js";
import { serve } from "./serve.js";
import { untilTold } from "./signals.js";
import { keyRotation, openKeys } from "./signing.js";
import {
  openHot,
  openPrimaryStore,
  type PrimaryStore,
  primaryStorePorts,
  reachDatabase,
} from "./stores.js";
import { openTracing } from "./traced.js";

const SYSTEM = "system";

/** Opens the database, does the work, and closes it. */
const withPrimaryStore = async <T>(
  settings: Settings,
  work: (primaryStore: PrimaryStore) => Promise<T>,
): Promise<T> => {
  const primaryStore = await openPrimaryStore(settings, { patient: true });
  try {
    return await work(primaryStore);
  } finally {
    await primaryStore.close();
  }
};

/** The same, with the tables that the work needs. */
const withTables = <T>(
  settings: Settings,
  work: (primaryStore: PrimaryStore) => Promise<T>,
): Promise<T> =>
  withPrimaryStore(settings, async (primaryStore) => {
    await readySchema(settings, primaryStore);
    return work(primaryStore);
  });

const summary = ({ hash: _, ...key }: ServiceKey): ServiceKeySummary => key;

const rotation = (settings: Settings, primaryStore: PrimaryStore) =>
  keyRotation(settings, primaryStorePorts(primaryStore.database, settings).keys, { now: Date.now });

const event = (
  type: "SERVICE_KEY_CREATED" | "SERVICE_KEY_REVOKED",
  metadata: Record<string, string>,
): AuditEvent => ({ type, at: Date.now(), actor: SYSTEM, metadata });

/** The operations of the command line that need no server. */
export const localAdmin: LocalAdmin = {
  serve,

  async gateway(settings, logger) {
    routeGrpcLog((message) => logger.warn(message));
    const tracing = await openTracing(settings);
    const service = serviceOf(settings);
    const gateway = await startGateway(settings, readDescriptors(), service, { logger, tracing });
    logger.info({ port: gateway.port }, "the gateway listens");
    await untilTold(logger);
    await gateway.close();
    await tracing?.stop();
  },

  reachDatabase,
  migrateUp: (settings, onWait) =>
    withPrimaryStore(settings, (primaryStore) => primaryStore.migrateUp(onWait)),
  migrateStatus: (settings) =>
    withPrimaryStore(settings, (primaryStore) => primaryStore.migrationStatus()),
  markRestored: (settings) => withTables(settings, ({ database }) => advanceRevision(database)),

  createServiceKey: (settings, { name, scopes }) =>
    withTables(settings, async (primaryStore) => {
      const { id, text, hash } = mintServiceKey();
      const key: ServiceKey = {
        id,
        name,
        scopes,
        hash,
        createdAt: Date.now(),
        revokedAt: undefined,
      };
      const { serviceKeys } = primaryStorePorts(primaryStore.database, settings);
      await serviceKeys.create(key, event("SERVICE_KEY_CREATED", { key_id: id, name }));
      return { key: summary(key), text };
    }),

  listServiceKeys: (settings) =>
    withTables(settings, async (primaryStore) =>
      (await primaryStorePorts(primaryStore.database, settings).serviceKeys.list()).map(summary),
    ),

  revokeServiceKey: (settings, keyId) =>
    withTables(settings, (primaryStore) =>
      primaryStorePorts(primaryStore.database, settings).serviceKeys.revoke(
        keyId,
        Date.now(),
        event("SERVICE_KEY_REVOKED", { key_id: keyId }),
      ),
    ),

  listKeys: (settings) =>
    withTables(settings, (primaryStore) => rotation(settings, primaryStore).list()),

  rotateKey: (settings, how) =>
    withTables(settings, (primaryStore) => rotation(settings, primaryStore).rotate(how)),

  retireKey: (settings, kid, how) =>
    withTables(settings, (primaryStore) => rotation(settings, primaryStore).retire(kid, how)),

  createUser: (settings, user) =>
    withTables(settings, async (primaryStore) => {
      const clock = systemClock();
      const {
        keys,
        serviceKeys: _,
        ...stores
      } = primaryStorePorts(primaryStore.database, settings);
      const keyring = await openKeys(settings, keys, clock);
      const { hot } = openHot({ ...settings, redisUrl: undefined }, clock.now, createMetrics());
      const ports = {
        ...stores,
        ...localPorts(settings, keyring),
        subjectTokens: subjectTokens(settings, clock, undefined),
        hot,
        clock,
      };
      const core = createUseCases(ports, coreSettings(settings));
      return core.users.create(user, { by: SYSTEM, ip: "" });
    }),

  importUsers: (settings, rows, watcher, how) =>
    withTables(settings, (primaryStore) => {
      const intake = postgresUserIntake(primaryStore.database);
      const clock = { now: Date.now };
      const hashProblem = createHashJudge();
      const take = importUsers({ intake, ids: uuidV7Source(), clock, hashProblem });
      return take(rows, watcher, how);
    }),
};
