import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { ChannelCredentials } from "@grpc/grpc-js";
import { Access } from "../../generated/curfew/options/v1/options.js";
import type { Settings } from "../config/settings.js";
import { createGateway, type Localize } from "../gateway/index.js";
import { languagePicker } from "../rpc/language.js";
import { textOf } from "../rpc/messages/catalogue.js";
import { readRules } from "../rpc/rules.js";
import type { Logger } from "../telemetry/logger.js";
import type { CountRefusal } from "../telemetry/refusal_metrics.js";
import type { Tracing } from "../telemetry/tracing.js";
import { hostPort, listening } from "./listening.js";
import { tracedRequests } from "./traced.js";

export interface RunningGateway {
  readonly port: number;
  /** Asks clients to reconnect: each answer closes its own connection. */
  beginStop(): void;
  /** Refuses connections, and resolves when the open requests are answered; at the latest after `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

/** Words the gateway's own refusals as the service words its refusals. */
const localizer = (): Localize => {
  const pick = languagePicker();
  return (reason, acceptLanguage) => {
    const locale = pick("", acceptLanguage);
    return { locale, text: textOf(locale, reason) };
  };
};

/**
 * Where a gateway of its own finds the service: at GATEWAY_TARGET, else on this
 * machine, whose certificate is our own and need not name the address.
 */
export const serviceOf = (settings: Settings) => {
  const { host, grpcPort, gatewayTarget, tlsCertFile } = settings;
  const local = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  const target = gatewayTarget ?? hostPort(local, grpcPort);
  if (tlsCertFile === undefined) return { target };
  const own = { checkServerIdentity: () => undefined };
  const authority = readFileSync(tlsCertFile);
  return {
    target,
    credentials: ChannelCredentials.createSsl(
      authority,
      null,
      null,
      gatewayTarget === undefined ? own : {},
    ),
  };
};

export interface GatewayParts {
  readonly logger: Logger;
  readonly tracing?: Tracing | undefined;
  /** Absent: refusals are not counted. */
  readonly countRefusal?: CountRefusal | undefined;
}

/** Starts the REST gateway in front of a service. */
export const startGateway = async (
  settings: Settings,
  descriptors: Uint8Array,
  service: { readonly target: string; readonly credentials?: ChannelCredentials },
  { logger, tracing, countRefusal }: GatewayParts,
): Promise<RunningGateway> => {
  const rules = readRules(descriptors);
  const needNone =
    settings.serviceAuth === "none" ? [Access.SERVICE, Access.SERVICE_OR_SESSION] : [];
  const app = await createGateway({
    ...service,
    descriptors,
    issuer: settings.jwtIssuer,
    corsOrigins: [...settings.corsOrigins],
    cookieSameSite: settings.cookieSameSite,
    trustedProxies: [...settings.trustedProxies],
    development: !settings.production,
    logger,
    localize: localizer(),
    requestBytes: (path) => rules.of(path).requestBytes,
    openAccess: new Set([Access.PUBLIC, ...needNone]),
    onRefused: countRefusal,
    ...(tracing && { beginRequest: tracedRequests(tracing) }),
  });
  let isStopping = false;
  app.server.prependListener("request", (_request, response) => {
    if (isStopping) response.setHeader("connection", "close");
  });
  const { host, httpPort: port } = settings;
  await listening("HTTP_PORT", hostPort(host, port), app.listen({ host, port }));
  return {
    port: (app.server.address() as AddressInfo).port,
    beginStop: () => {
      isStopping = true;
    },
    close: async (graceMs = settings.shutdownGraceMs) => {
      isStopping = true;
      const cutOff = setTimeout(() => app.server.closeAllConnections(), graceMs);
      await app.close();
      clearTimeout(cutOff);
    },
  };
};
