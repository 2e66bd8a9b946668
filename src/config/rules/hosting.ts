import type { Draft } from "../draft.js";
import { isLoopback } from "../network_values.js";
import { problemWhen, type Rule } from "./rule.js";

/** Whether other machines can reach the ports; false when HOST itself is wrong. */
const isExposed = ({ values }: Draft): boolean =>
  values.host !== undefined && !isLoopback(values.host);

/** The embedded database is for one machine. */
export const embeddedOnLoopback: Rule = problemWhen(
  (draft) => !draft.isGiven("databaseUrl") && isExposed(draft),
  ({ values, isGiven }) =>
    `DATABASE_URL is required when other machines can reach the service (HOST is ${values.host}${isGiven("host") ? "" : ", the default in production"}): set it to a PostgreSQL URL, or set HOST=127.0.0.1 to use the embedded database.`,
);

/** Several processes need stores that they can share. */
export const sharedStores: Rule = ({ values, isGiven }) => {
  const missing = [
    ...(isGiven("databaseUrl") ? [] : ["DATABASE_URL"]),
    ...(isGiven("redisUrl") ? [] : ["REDIS_URL"]),
  ];
  if ((values.workers ?? 1) === 1) return [];
  return missing.map(
    (name) =>
      `${name} is required when WORKERS is ${values.workers}, for processes cannot share the embedded stores: set ${name}, or WORKERS=1.`,
  );
};

/** No two listeners on one port. */
export const distinctPorts: Rule = ({ values }) => {
  const ports = [
    ["GRPC_PORT", values.grpcPort],
    ["HTTP_PORT", values.httpPort],
    ["METRICS_PORT", values.metricsPort],
  ] as const;
  return ports.flatMap(([name, port], index) =>
    ports
      .slice(0, index)
      .filter(([, earlier]) => earlier !== undefined && earlier !== 0 && earlier === port)
      .map(([earlier]) => `${earlier} and ${name} are both ${port}: give each its own port.`),
  );
};

/** A gateway of its own needs a port. */
export const gatewayPort: Rule = problemWhen(
  ({ values }) => values.httpPort === 0,
  "HTTP_PORT is 0, which means no gateway: give it a port to run one.",
);

/** SERVICE_AUTH=none would let anybody on the network ask for anybody's session. */
export const noneOnLoopback: Rule = problemWhen(
  (draft) => draft.values.serviceAuth === "none" && isExposed(draft),
  ({ values }) =>
    `SERVICE_AUTH=none is allowed only on a loopback host, and HOST is ${values.host}: set SERVICE_AUTH to \`key\` or \`mtls\`, or HOST=127.0.0.1.`,
);

/** Not wrong: a proxy or a mesh may add TLS. */
export const clearTextWarning: Rule = problemWhen(
  (draft) => draft.production && isExposed(draft) && !draft.isGiven("tlsCertFile"),
  "TLS_CERT_FILE is not set: tokens and passwords cross the network in clear unless a proxy or a mesh adds TLS.",
);

/** Not wrong: right answers, more slowly. */
export const processMemoryWarning: Rule = problemWhen(
  (draft) => draft.production && !draft.isGiven("redisUrl"),
  "REDIS_URL is not set: a replica answers from memory only while it is alone; as soon as there are two, all ask PostgreSQL for every token.",
);
