import cluster from "node:cluster";
import { format } from "node:util";
import type { FirstUser } from "../cli/output/first_user.js";
import type { Settings } from "../config/settings.js";
import { VERSION } from "../config/version.js";
import { routeGrpcLog } from "../rpc/grpc_log.js";
import type { Logger } from "../telemetry/logger.js";
import { hostPort } from "./listening.js";
import { type Service, startService } from "./service.js";
import { untilTold } from "./signals.js";
import { overseeWorkers } from "./workers.js";

const ADMIN = "admin";

/**
 * Runs the service until it receives a stop signal.
 *
 * @param tell receives the user that a first start creates; its password cannot be read again later
 */
export const serve = async (
  settings: Settings,
  logger: Logger,
  tell: (user: FirstUser) => void,
): Promise<void> => {
  routeGrpcLog((message) => logger.warn(message));
  // Libraries write there, ioredis among them, what would be foreign lines between those of the log.
  for (const level of ["warn", "error"] as const)
    console[level] = (...words: unknown[]) => logger[level](format(...words));
  const told = untilTold(logger);
  if (settings.workers > 1 && cluster.isPrimary) return overseeWorkers(settings, told, logger);
  const first: { password?: string } = {};
  const service = await startService(settings, logger, (password) => {
    first.password = password;
  }).catch((failure: unknown) => {
    // The user is made, and no other start will tell.
    if (first.password !== undefined)
      tell({ username: ADMIN, password: first.password, signIn: undefined });
    throw failure;
  });
  const { grpcPort, httpPort, metricsPort } = service;
  logger.info(
    {
      version: VERSION,
      grpc: hostPort(settings.host, grpcPort),
      ...(httpPort !== 0 && { http: hostPort(settings.host, httpPort) }),
      ...(metricsPort !== 0 && { metrics: hostPort(settings.host, metricsPort) }),
      store: settings.embedded ? `embedded in ${settings.dataDir}` : "postgres",
      hot_store: hotStoreOf(settings, service.hotStoreTrouble),
    },
    "curfew is ready",
  );
  if (first.password !== undefined) {
    const user = { username: ADMIN, password: first.password };
    tell({ ...user, signIn: signInLine(user, settings.host, service) });
  }
  await told;
  await service.stop();
  logger.info("stopped");
  // The channel to the process that oversees the workers would keep a worker alive.
  cluster.worker?.disconnect();
};

const hotStoreOf = ({ redisUrl }: Settings, trouble: string | undefined): string => {
  if (redisUrl === undefined) return "in this process";
  return trouble === undefined ? "redis" : `none: ${trouble}`;
};

/** A line that signs in, to paste into a shell that has curl, or grpcurl where no gateway serves. */
const signInLine = (
  login: { readonly username: string; readonly password: string },
  host: string,
  { grpcPort, httpPort }: Pick<Service, "grpcPort" | "httpPort">,
): string =>
  httpPort === 0
    ? `grpcurl -plaintext -d '${JSON.stringify(login)}' ${hostPort(host, grpcPort)} curfew.v1.AuthService/Login`
    : `curl -s http://${hostPort(host, httpPort)}/auth/login -H 'content-type: application/json' -d '${JSON.stringify(login)}'`;
