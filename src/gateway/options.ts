import type { ChannelCredentials, ChannelOptions } from "@grpc/grpc-js";
import type { FastifyBaseLogger } from "fastify";
import type { Access } from "../../generated/curfew/options/v1/options.js";
import type { GatewayLimits } from "./budgets/limits.js";
import type { OnRefused } from "./budgets/refusal.js";
import type { SameSite } from "./cookies.js";
import type { Localize } from "./localize.js";
import type { BeginRequest } from "./tracing.js";

/** The configuration of a gateway. Nothing here is read from the environment. */
export interface GatewayOptions {
  /** Where the service is, in a form of grpc-js: `host:port`, `dns:///…`, `unix:…`. */
  readonly target: string;
  /** How to reach it. Absent: plain text, for a service on the same host. */
  readonly credentials?: ChannelCredentials | undefined;
  /** Further grpc-js channel options, which win over the gateway's own. */
  readonly channelOptions?: ChannelOptions | undefined;
  /** How many connections to spread calls over. Absent: 4. */
  readonly connections?: number | undefined;
  /**
   * The descriptor set the routes are made from: `google.protobuf.FileDescriptorSet`
   * with all imports, `google/rpc/error_details.proto` and source info.
   */
  readonly descriptors: Uint8Array;
  /** `iss` of the access tokens: the URL that this gateway is reached at from outside. */
  readonly issuer: string;
  /** Origins (`https://app.example`) whose pages may call, with cookies too. */
  readonly corsOrigins: readonly string[];
  /** `SameSite` of the session's cookies. Absent: strict. */
  readonly cookieSameSite?: SameSite | undefined;
  /** Addresses and networks (CIDR) whose `X-Forwarded-*` headers are trusted. */
  readonly trustedProxies: readonly string[];
  /** Serves the example under `/example/` and the client at `/assets/`. */
  readonly development: boolean;
  /** A pino logger or one like it; false: no log. */
  readonly logger: FastifyBaseLogger | false;
  /** Texts for the gateway's own refusals. Absent: English. */
  readonly localize?: Localize | undefined;
  /** Starts a span for each request. Absent: the trace context of a trusted proxy is passed on unchanged. */
  readonly beginRequest?: BeginRequest | undefined;
  /** Most bytes of a method's request in protobuf encoding, by its gRPC path. Absent: 64 KiB, and 4 MiB for batches. */
  readonly requestBytes?: ((path: string) => number) | undefined;
  /** Access classes whose methods need no credential. Absent: PUBLIC alone. */
  readonly openAccess?: ReadonlySet<Access> | undefined;
  readonly limits?: Partial<GatewayLimits> | undefined;
  /** Called for each request and connection that a limit refuses, for the metrics. */
  readonly onRefused?: OnRefused | undefined;
  /** Deadline of a unary call whose method declares none, in milliseconds. Absent: 5,000. */
  readonly defaultDeadlineMs?: number | undefined;
}
