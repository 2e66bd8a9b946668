import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { ChannelCredentials } from "@grpc/grpc-js";
import type { Settings } from "../config/settings.js";
import { createGateway, type Localize } from "../gateway/index.js";
import { languagePicker } from "../rpc/language.js";
import { textOf } from "../rpc/messages/catalogue.js";
import type { Logger } from "../telemetry/logger.js";
import type { Tracing } from "../telemetry/tracing.js";
import { hostPort, listening } from "./listening.js";
import { tracedRequests } from "./traced.js";

export interface RunningGateway {
  readonly port: number;
  close(): Promise<void>;
}

/** Words what the gateway itself refuses as the service words its own refusals. */
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

/** Starts the REST gateway in front of a service. */
export const startGateway = async (
  settings: Settings,
  descriptors: Uint8Array,
  service: { readonly target: string; readonly credentials?: ChannelCredentials },
  logger: Logger,
  tracing?: Tracing,
): Promise<RunningGateway> => {
  const app = await createGateway({
    ...service,
    descriptors,
    corsOrigins: [...settings.corsOrigins],
    cookieSameSite: settings.cookieSameSite,
    trustedProxies: [...settings.trustedProxies],
    development: !settings.production,
    logger,
    localize: localizer(),
    ...(tracing && { beginRequest: tracedRequests(tracing) }),
  });
  const { host, httpPort: port } = settings;
  await listening("HTTP_PORT", hostPort(host, port), app.listen({ host, port }));
  return {
    port: (app.server.address() as AddressInfo).port,
    close: () => app.close(),
  };
};
