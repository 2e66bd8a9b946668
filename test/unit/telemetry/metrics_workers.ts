import cluster from "node:cluster";
import { createMetrics } from "../../../src/telemetry/metrics.js";
import { startMetricsServer } from "../../../src/telemetry/metrics_server.js";
import { metricsOfWorkers, shareMetrics } from "../../../src/telemetry/worker_metrics.js";

const WORKERS = 2;

const oversee = async (): Promise<void> => {
  const server = await startMetricsServer({
    host: "127.0.0.1",
    port: 0,
    metrics: metricsOfWorkers(),
  });
  let ready = 0;
  cluster.on("message", (_worker, message) => {
    if (message !== "counted") return;
    ready += 1;
    if (ready === WORKERS) process.stdout.write(`metrics at ${server.port}\n`);
  });
  for (let worker = 0; worker < WORKERS; worker++) cluster.fork();
};

const work = (): void => {
  const metrics = createMetrics();
  shareMetrics(metrics);
  metrics.countCall("curfew.v1.AuthService/Login", "OK", "", 0.02);
  metrics.countHotAnswers("live", 5);
  metrics.sessions.watchSessions(() => ({ live: 7, idle: 0, ended: 1 }));
  metrics.watchBreaker(() => "closed");
  process.send?.("counted");
};

if (cluster.isPrimary) await oversee();
else work();
