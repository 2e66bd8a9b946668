import cluster from "node:cluster";
import { setTimeout as wait } from "node:timers/promises";
import type { Settings } from "../config/settings.js";
import type { Logger } from "../telemetry/logger.js";
import { metricsOfWorkers } from "../telemetry/worker_metrics.js";
import { openMetricsPort } from "./metrics_port.js";

/** A worker that dies is replaced, but not more often than this, in milliseconds. */
const REPLACE_AFTER_MS = 1000;

/**
 * Keeps WORKERS processes that share the ports; node:cluster distributes connections among them in turn. Each worker is
 * a replica like any other. Resolves when all have ended after the stop signal; rejects when the first of them cannot
 * start.
 */
export const overseeWorkers = async (
  settings: Settings,
  told: Promise<void>,
  logger: Logger,
): Promise<void> => {
  let stopping = false;
  let ready = false;
  const ended: Promise<void>[] = [];

  /** Resolves when a worker listens, this one or one that took its place. */
  const start = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = cluster.fork();
      worker.once("listening", () => {
        ready = true;
        resolve();
      });
      const replace = async (): Promise<void> => {
        await wait(REPLACE_AFTER_MS);
        if (!stopping) await start();
      };
      ended.push(
        new Promise((done) => {
          worker.once("exit", (code, signal) => {
            done();
            if (stopping) resolve();
            else if (!ready)
              reject(new Error(`a worker could not start and ended with code ${code}`));
            else {
              logger.error({ worker: worker.id, code, signal }, "a worker died, starting another");
              replace().then(resolve, reject);
            }
          });
        }),
      );
    });

  /** Also while some are starting, which may take long when a store is away. */
  const stopped = told.then(() => {
    stopping = true;
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill("SIGTERM");
  });

  const exporter = await openMetricsPort(settings, metricsOfWorkers());

  try {
    // One first, which makes the schema, the keys and the administrator.
    for (let worker = 0; worker < settings.workers && !stopping; worker++) await start();
    if (!stopping) logger.info({ workers: settings.workers }, "all workers are ready");
    await stopped;
    await Promise.all(ended);
  } finally {
    await exporter?.close();
  }
};
