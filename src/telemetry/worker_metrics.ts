import { AggregatorRegistry, type Registry } from "prom-client";
import type { Metrics } from "./metrics.js";

/** In a worker of node:cluster: answers the primary process when it asks for metrics. */
export const shareMetrics = (registry: Registry): void => {
  AggregatorRegistry.setRegistries([registry]);
  // Its construction is what listens for the question.
  new AggregatorRegistry();
};

/** In the primary process: the metrics of all workers as one; counts are summed, ages are the greatest. */
export const metricsOfWorkers = (): Pick<Metrics, "render" | "contentType"> => {
  const aggregate = new AggregatorRegistry();
  return { render: () => aggregate.clusterMetrics(), contentType: aggregate.contentType };
};
