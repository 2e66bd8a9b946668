import cluster from "node:cluster";
import type { Settings } from "../config/settings.js";
import { VERSION } from "../config/version.js";
import { routeGrpcLog } from "../rpc/grpc_log.js";
import type { Logger } from "../telemetry/logger.js";
import { hostPort } from "./listening.js";
import { startService } from "./service.js";
import { untilTold } from "./signals.js";
import { overseeWorkers } from "./workers.js";

/** Runs the service until it is told to stop. */
export const serve = async (settings: Settings, logger: Logger): Promise<void> => {
  routeGrpcLog((message) => logger.warn(message));
  const told = untilTold(logger);
  if (settings.workers > 1 && cluster.isPrimary) return overseeWorkers(settings, told, logger);
  const first: { password?: string } = {};
  const service = await startService(settings, logger, (password) => {
    first.password = password;
  }).catch((failure: unknown) => {
    // The user is made, and no other start will tell.
    if (first.password !== undefined) process.stdout.write(firstUser(first.password));
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
      hot_store: settings.redisUrl === undefined ? "in this process" : "redis",
    },
    "curfew is ready",
  );
  if (first.password !== undefined)
    process.stdout.write(
      firstUser(first.password) + firstLogin(settings, grpcPort, first.password),
    );
  await told;
  await service.stop();
  logger.info("stopped");
  // The channel to the process that oversees the workers would keep a worker alive.
  cluster.worker?.disconnect();
};

/** Printed once, by the start that made the password up. */
const firstUser = (password: string): string => `
  The first user is "admin", with the password ${password}
  It is not shown again.
`;

const firstLogin = (settings: Settings, grpcPort: number, password: string): string => {
  const login = JSON.stringify({ username: "admin", password });
  return `  Sign in with:

    npx buf curl --protocol grpc --http2-prior-knowledge -d '${login}' \\
      http://${hostPort(settings.host, grpcPort)}/curfew.v1.AuthService/Login

`;
};
