import type { Backstage, ServiceKeySummary } from "../cli/backstage.js";
import type { Settings } from "../config/settings.js";
import type { AuditEvent } from "../core/audit_event.js";
import { importUsers } from "../core/import_users.js";
import type { ServiceKey } from "../core/ports/service_key_store.js";
import { createUseCases } from "../core/use_cases.js";
import { createHashJudge } from "../crypto/hash_judge.js";
import { mintServiceKey } from "../crypto/service_key.js";
import { uuidV7Source } from "../crypto/uuid_v7.js";
import { leapAhead } from "../postgres/leap_ahead.js";
import { postgresUserIntake } from "../postgres/user_intake.js";
import { readDescriptors } from "../rpc/descriptors.js";
import { routeGrpcLog } from "../rpc/grpc_log.js";
import { createMetrics } from "../telemetry/metrics.js";
import { coreSettings, localPorts, systemClock } from "./core.js";
import { serviceOf, startGateway } from "./gateway.js";
import { readySchema } from "./ready_schema.js";
import { serve } from "./serve.js";
import { untilTold } from "./signals.js";
import { keyRotation, openKeys } from "./signing.js";
import { openHot, openTruth, reachDatabase, type Truth, truthPorts } from "./stores.js";
import { openTracing } from "./traced.js";

const SYSTEM = "system";

/** Opens the database, does the work, and closes it. */
const withTruth = async <T>(settings: Settings, work: (truth: Truth) => Promise<T>): Promise<T> => {
  const truth = await openTruth(settings, { patient: true });
  try {
    return await work(truth);
  } finally {
    await truth.close();
  }
};

/** The same, with the tables that the work needs. */
const withTables = <T>(settings: Settings, work: (truth: Truth) => Promise<T>): Promise<T> =>
  withTruth(settings, async (truth) => {
    await readySchema(settings, truth);
    return work(truth);
  });

const summary = ({ hash: _, ...key }: ServiceKey): ServiceKeySummary => key;

const rotation = (settings: Settings, truth: Truth) =>
  keyRotation(settings, truthPorts(truth.database, settings).keys, { now: Date.now });

const event = (
  type: "SERVICE_KEY_CREATED" | "SERVICE_KEY_REVOKED",
  metadata: Record<string, string>,
): AuditEvent => ({ type, at: Date.now(), actor: SYSTEM, metadata });

/** What the command line has done without a server. */
export const backstage: Backstage = {
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
  migrateUp: (settings) => withTruth(settings, (truth) => truth.migrateUp()),
  migrateStatus: (settings) => withTruth(settings, (truth) => truth.migrationStatus()),
  markRestored: (settings) => withTables(settings, ({ database }) => leapAhead(database)),

  createServiceKey: (settings, { name, scopes }) =>
    withTables(settings, async (truth) => {
      const { id, text, hash } = mintServiceKey();
      const key: ServiceKey = {
        id,
        name,
        scopes,
        hash,
        createdAt: Date.now(),
        revokedAt: undefined,
      };
      const { serviceKeys } = truthPorts(truth.database, settings);
      await serviceKeys.create(key, event("SERVICE_KEY_CREATED", { key_id: id, name }));
      return { key: summary(key), text };
    }),

  listServiceKeys: (settings) =>
    withTables(settings, async (truth) =>
      (await truthPorts(truth.database, settings).serviceKeys.list()).map(summary),
    ),

  revokeServiceKey: (settings, keyId) =>
    withTables(settings, (truth) =>
      truthPorts(truth.database, settings).serviceKeys.revoke(
        keyId,
        Date.now(),
        event("SERVICE_KEY_REVOKED", { key_id: keyId }),
      ),
    ),

  listKeys: (settings) => withTables(settings, (truth) => rotation(settings, truth).list()),

  rotateKey: (settings, how) =>
    withTables(settings, (truth) => rotation(settings, truth).rotate(how)),

  retireKey: (settings, kid, how) =>
    withTables(settings, (truth) => rotation(settings, truth).retire(kid, how)),

  createUser: (settings, user) =>
    withTables(settings, async (truth) => {
      const clock = systemClock();
      const { keys, serviceKeys: _, ...stores } = truthPorts(truth.database, settings);
      const keyring = await openKeys(settings, keys, clock);
      const { hot } = openHot({ ...settings, redisUrl: undefined }, clock.now, createMetrics());
      const ports = { ...stores, ...localPorts(settings, keyring), hot, clock };
      const core = createUseCases(ports, coreSettings(settings));
      return core.users.create(user, { by: SYSTEM, ip: "" });
    }),

  importUsers: (settings, rows, watcher, how) =>
    withTables(settings, (truth) => {
      const intake = postgresUserIntake(truth.database);
      const clock = { now: Date.now };
      const hashProblem = createHashJudge();
      const take = importUsers({ intake, ids: uuidV7Source(), clock, hashProblem });
      return take(rows, watcher, how);
    }),
};
