import type { Settings } from "../config/settings.js";
import { boundConnections } from "../gateway/budgets/connection_budget.js";
import {
  type MetricsServer,
  type MetricsServerOptions,
  startMetricsServer,
} from "../telemetry/metrics_server.js";
import { hostPort, listening } from "./listening.js";

/** Enough for a few Prometheus servers, and for a person with a browser. */
const CONNECTIONS = {
  anonymousConnections: 128,
  anonymousConnectionsPerSource: 32,
  provenConnections: 0,
};

const isNoProxy = (): boolean => false;

/** Serves metrics on METRICS_PORT, within a budget of connections; undefined: the port is 0. */
export const openMetricsPort = async (
  { host, metricsPort }: Settings,
  metrics: MetricsServerOptions["metrics"],
): Promise<MetricsServer | undefined> => {
  if (metricsPort === 0) return undefined;
  const started = startMetricsServer({
    host,
    port: metricsPort,
    metrics,
    boundConnections: (server) =>
      void boundConnections(
        server,
        CONNECTIONS,
        isNoProxy,
        metrics.countRefusal,
        "metrics_connections",
      ),
  });
  return listening("METRICS_PORT", hostPort(host, metricsPort), started);
};
