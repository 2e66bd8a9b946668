import { randomBytes } from "node:crypto";
import type { Settings } from "../config/settings.js";
import { serviceKeyCheck } from "../core/service_key_check.js";
import { toleratedActivityLossMs } from "../core/settings.js";
import { createUseCases } from "../core/use_cases.js";
import { readDescriptors } from "../rpc/descriptors.js";
import type { Logger } from "../telemetry/logger.js";
import { createMetrics } from "../telemetry/metrics.js";
import { startMetricsServer } from "../telemetry/metrics_server.js";
import { coreSettings, localPorts, systemClock } from "./core.js";
import { startGateway } from "./gateway.js";
import { patiently } from "./patiently.js";
import { type Periodic, periodically } from "./periodic.js";
import { listenForGateway, listenRpc, rpcServer } from "./rpc.js";
import { openKeys } from "./signing.js";
import { openHotStore, openTruth, truthPorts } from "./stores.js";

/** How often the trust in a hot store outside this process is looked at, in milliseconds. */
const PULSE_MS = 100;
/** The same for one inside, which cannot be lost. */
const EMBEDDED_PULSE_MS = 1000;
const SERVICE_KEYS_EVERY_MS = 1000;
const KEYS_EVERY_MS = 30_000;
const CLEANUP_EVERY_MS = 60_000;

/** A running service. */
export interface Service {
  /** Where it listens; 0: not at all. */
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly metricsPort: number;
  /** The password of the first administrator, if this start made one up. */
  readonly generatedPassword: string | undefined;
  /** Ends calls gracefully and writes what is only in memory. */
  stop(): Promise<void>;
}

/** Starts everything that the settings ask for, in this process. */
export const startService = async (settings: Settings, logger: Logger): Promise<Service> => {
  const closers: (() => Promise<unknown> | undefined)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.reverse()) await close();
  };
  try {
    return await start(settings, logger, closers, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
};

const start = async (
  settings: Settings,
  logger: Logger,
  closers: (() => Promise<unknown> | undefined)[],
  closeAll: () => Promise<void>,
): Promise<Service> => {
  const metrics = createMetrics();
  const clock = systemClock();
  if (settings.embedded)
    logger.info(`opening the database in ${settings.dataDir}; the first time takes a few seconds`);
  const truth = await openTruth(settings);
  closers.push(truth.close);
  await prepareSchema(settings, truth, logger);

  const { keys, serviceKeys, ...stores } = truthPorts(truth.database, settings);
  const keyring = await patiently(() => openKeys(settings, keys, clock));
  const hot = openHotStore(settings, clock.now, metrics);
  closers.push(() => hot.close());
  const ports = { ...stores, ...localPorts(settings, keyring), hot, clock };
  const core = createUseCases(ports, coreSettings(settings));
  const serviceKeyRing = serviceKeyCheck(serviceKeys, clock);

  const generatedPassword = await patiently(() =>
    firstAdministrator(settings, core.bootstrapAdmin),
  );
  await patiently(core.trust.pulse);
  await patiently(serviceKeyRing.reload);

  const activityEveryMs = Math.max(20, toleratedActivityLossMs(settings.idleTimeoutMs) / 2);
  const pulseMs = settings.redisUrl === undefined ? EMBEDDED_PULSE_MS : PULSE_MS;
  let truthAnswers = true;
  const pulse = () =>
    core.trust.pulse().then(
      () => {
        truthAnswers = true;
      },
      (error: unknown) => {
        truthAnswers = false;
        throw error;
      },
    );
  const background: Periodic[] = [
    periodically("the look at the hot store", pulseMs, pulse, logger),
    periodically("writing activity", activityEveryMs, core.activity.flush, logger),
    periodically("reading service keys", SERVICE_KEYS_EVERY_MS, serviceKeyRing.reload, logger),
    periodically("reading signing keys", KEYS_EVERY_MS, () => keyring.reload(), logger),
    periodically("cleanup", CLEANUP_EVERY_MS, core.cleanup, logger),
  ];

  const descriptors = readDescriptors();
  const server = rpcServer({
    settings,
    descriptors,
    deps: { core, ...stores, clock, settings: coreSettings(settings), jwks: () => keyring.jwks() },
    audit: stores.audit,
    serviceKeys: serviceKeyRing,
    // Without Postgres, calls are answered as long as the lease on the hot store lasts.
    isServing: () => truthAnswers || core.trust.lease() !== undefined,
    logger,
    metrics,
  });
  closers.push(async () => {
    await server.stop({
      delayMs: settings.production ? 1000 : 0,
      graceMs: settings.shutdownGraceMs,
      flush: core.activity.flush,
    });
    for (const work of background) work.stop();
    await core.trust.leave().catch(() => undefined);
  });
  const grpcPort = await listenRpc(server, settings, logger);

  const gateway =
    settings.httpPort === 0
      ? undefined
      : await startGateway(settings, descriptors, await listenForGateway(server), logger);
  closers.push(() => gateway?.close());
  const exporter =
    settings.metricsPort === 0
      ? undefined
      : await startMetricsServer({ host: settings.host, port: settings.metricsPort, metrics });
  closers.push(() => exporter?.close());

  return {
    grpcPort,
    httpPort: gateway?.port ?? 0,
    metricsPort: exporter?.port ?? 0,
    generatedPassword,
    stop: closeAll,
  };
};

const prepareSchema = async (
  settings: Settings,
  truth: Awaited<ReturnType<typeof openTruth>>,
  logger: Logger,
): Promise<void> => {
  if (settings.autoMigrate || settings.embedded) {
    const applied = await truth.migrateUp();
    if (applied.length > 0) logger.info({ applied }, "the schema is up to date");
    return;
  }
  const { pending } = await patiently(truth.migrationStatus);
  if (pending.length > 0)
    throw new Error(
      `the database lacks ${pending.length} migration(s) (${pending.join(", ")}): run \`curfew migrate up\`, or set AUTO_MIGRATE=true`,
    );
};

/** Resolves to a password that was made up for the first administrator of an embedded service. */
const firstAdministrator = async (
  { bootstrapAdminUsername, bootstrapAdminPassword, embedded }: Settings,
  bootstrap: (username: string, password: string) => Promise<boolean>,
): Promise<string | undefined> => {
  if (bootstrapAdminUsername !== undefined && bootstrapAdminPassword !== undefined) {
    await bootstrap(bootstrapAdminUsername, bootstrapAdminPassword);
    return undefined;
  }
  if (!embedded) return undefined;
  const password = randomBytes(18).toString("base64url");
  return (await bootstrap("admin", password)) ? password : undefined;
};
