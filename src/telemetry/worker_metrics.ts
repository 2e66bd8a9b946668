import cluster from "node:cluster";
import { AggregatorRegistry } from "prom-client";
import type { Metrics } from "./metrics.js";

/** The message by which a worker reports a refusal that the primary process has to count. */
interface RefusalMessage {
  readonly refusal: readonly [by: string, limit: string];
}

const isRefusal = (message: unknown): message is RefusalMessage =>
  typeof message === "object" && message !== null && "refusal" in message;

/**
 * In a worker of node:cluster: answers the primary process's requests for metrics, and forwards the refusals that the
 * primary counts.
 */
export const shareMetrics = ({
  registry,
  countRefusal,
}: Pick<Metrics, "registry" | "countRefusal">): void => {
  AggregatorRegistry.setRegistries([registry]);
  // Its construction is what listens for the question.
  new AggregatorRegistry();
  process.on("message", (message) => {
    if (isRefusal(message)) countRefusal(...message.refusal);
  });
};

/** In the primary process: the metrics of all workers as one; counts are summed, ages are the greatest. */
export const metricsOfWorkers = (): Pick<Metrics, "render" | "contentType" | "countRefusal"> => {
  const aggregate = new AggregatorRegistry();
  return {
    render: () => aggregate.clusterMetrics(),
    contentType: aggregate.contentType,
    // The primary has no metrics of its own: a worker counts for it.
    countRefusal: (...refusal) => {
      const worker = Object.values(cluster.workers ?? {}).find((each) => each?.isConnected());
      worker?.send({ refusal } satisfies RefusalMessage, () => undefined);
    },
  };
};
