import { loadSettings } from "../../../src/config/load_settings.js";
import type { Settings } from "../../../src/config/settings.js";
import { startService } from "../../../src/main.js";
import { createLogger } from "../../../src/telemetry/logger.js";
import { findFreePort } from "../../support/free_port.js";
import type { TestService } from "../../support/service.js";

/** One more replica of a test's service, on the same stores, that records its log. */
export interface Replica {
  readonly settings: Settings;
  /** `host:port` of gRPC. */
  readonly target: string;
  readonly port: number;
  /** Of REST. */
  readonly origin: string;
  /** Every line it has logged, at level `debug` and above. */
  logs(): readonly string[];
  /** What Prometheus would read now. */
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

/** @param environment settings, which win over those of the tests */
export const startReplica = async (
  base: Pick<TestService, "databaseUrl" | "redisUrl" | "settings">,
  environment: Readonly<Record<string, string>> = {},
): Promise<Replica> => {
  const settings = loadSettings({
    DATABASE_URL: base.databaseUrl,
    REDIS_URL: base.redisUrl,
    HOST: "127.0.0.1",
    GRPC_PORT: "0",
    HTTP_PORT: String(await findFreePort()),
    METRICS_PORT: String(await findFreePort()),
    SERVICE_AUTH: "key",
    JWT_ISSUER: base.settings.jwtIssuer,
    REDIS_TIMEOUT_MS: "250",
    SHUTDOWN_GRACE_SECONDS: "1",
    ...environment,
  });
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ level: "debug", people: false, destination });
  const service = await startService(settings, logger);
  let stopped: Promise<void> | undefined;
  return {
    settings,
    target: `127.0.0.1:${service.grpcPort}`,
    port: service.grpcPort,
    origin: `http://localhost:${service.httpPort}`,
    logs: () => lines,
    metrics: async () => (await fetch(`http://127.0.0.1:${service.metricsPort}/metrics`)).text(),
    stop() {
      stopped ??= service.stop();
      return stopped;
    },
  };
};
