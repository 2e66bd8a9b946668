import { grpcTarget, hostName, networks, origins } from "../network_values.js";
import { setting } from "../setting.js";
import { oneOf, onOff, port, wholeNumber } from "../value_schemas.js";

/** The addresses on which the service listens, and the proxies that it trusts. */
export const NETWORK_SETTINGS = {
  host: setting({
    name: "HOST",
    schema: hostName(),
    fallback: { development: "127.0.0.1", production: "0.0.0.0" },
    doc: "Address that all ports listen on.",
  }),
  grpcPort: setting({
    name: "GRPC_PORT",
    schema: port(),
    fallback: "50051",
    doc: "Port of gRPC. 0: any free port; the start says which.",
  }),
  httpPort: setting({
    name: "HTTP_PORT",
    schema: port(),
    fallback: "8000",
    doc: "Port of the REST gateway. 0: no gateway.",
  }),
  metricsPort: setting({
    name: "METRICS_PORT",
    schema: port(),
    fallback: "9464",
    doc: "Port of the Prometheus metrics. 0: none.",
  }),
  workers: setting({
    name: "WORKERS",
    schema: wholeNumber(1, 256),
    fallback: "1",
    doc: "Processes that share the ports. More than 1 needs `DATABASE_URL` and `REDIS_URL`.",
  }),
  trustedProxies: setting({
    name: "TRUSTED_PROXIES",
    schema: networks(),
    fallback: "",
    doc: "Proxies whose forwarded client address and trace context are trusted.",
  }),
  corsOrigins: setting({
    name: "CORS_ORIGINS",
    schema: origins(),
    fallback: "",
    doc: "Web origins whose pages may call the REST gateway, with cookies too.",
  }),
  cookieSameSite: setting({
    name: "COOKIE_SAME_SITE",
    schema: oneOf("strict", "lax"),
    fallback: "strict",
    doc: "`SameSite` of the session's cookies. `lax` sends them with the first page after a link from another site too, which server-rendered pages need; then no GET of yours may change anything.",
  }),
  reflection: setting({
    name: "REFLECTION",
    schema: onOff(),
    fallback: { development: "true", production: "false" },
    doc: "Whether gRPC reflection lists the methods for any caller.",
  }),
  gatewayTarget: setting({
    name: "GATEWAY_TARGET",
    schema: grpcTarget().optional(),
    fallbackDoc: "this machine at `GRPC_PORT`",
    doc: "Where `curfew gateway`, run as a process of its own, reaches the service.",
  }),
} as const;
