import cluster from "node:cluster";
import type { Settings } from "../config/settings.js";
import { routeGrpcLog } from "../rpc/grpc_log.js";
import type { Logger } from "../telemetry/logger.js";
import { hostPort } from "./rpc.js";
import { startService } from "./service.js";
import { untilTold } from "./signals.js";
import { overseeWorkers } from "./workers.js";

/** Runs the service until it is told to stop. */
export const serve = async (settings: Settings, logger: Logger): Promise<void> => {
  routeGrpcLog((message) => logger.warn(message));
  const told = untilTold(logger);
  if (settings.workers > 1 && cluster.isPrimary) return overseeWorkers(settings, told, logger);
  const service = await startService(settings, logger);
  const { grpcPort, httpPort, metricsPort } = service;
  logger.info(
    {
      grpc: hostPort(settings.host, grpcPort),
      ...(httpPort !== 0 && { http: hostPort(settings.host, httpPort) }),
      ...(metricsPort !== 0 && { metrics: hostPort(settings.host, metricsPort) }),
      store: settings.embedded ? `embedded in ${settings.dataDir}` : "postgres",
      hot_store: settings.redisUrl === undefined ? "in this process" : "redis",
    },
    "curfew is ready",
  );
  if (service.generatedPassword !== undefined)
    process.stdout.write(welcome(settings, grpcPort, service.generatedPassword));
  await told;
  await service.stop();
  logger.info("stopped");
  // The channel to the process that oversees the workers would keep a worker alive.
  cluster.worker?.disconnect();
};

/** Printed once, at the start that made the password up. */
const welcome = (settings: Settings, grpcPort: number, password: string): string => {
  const login = JSON.stringify({ username: "admin", password });
  return `
  The first user is "admin", with the password ${password}
  It is not shown again. Sign in with:

    npx buf curl --protocol grpc --http2-prior-knowledge -d '${login}' \\
      http://${hostPort(settings.host, grpcPort)}/curfew.v1.AuthService/Login

`;
};
