import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { ChannelCredentials } from "@grpc/grpc-js";
import type { Settings } from "../config/settings.js";
import { createGateway, type Localize } from "../gateway/index.js";
import { languagePicker } from "../rpc/language.js";
import { textOf } from "../rpc/messages/catalogue.js";
import type { Logger } from "../telemetry/logger.js";
import { hostPort } from "./rpc.js";

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

/** Starts the REST gateway in front of the service at `grpcPort` of this machine, or at GATEWAY_TARGET. */
export const startGateway = async (
  settings: Settings,
  descriptors: Uint8Array,
  grpcPort: number,
  logger: Logger,
): Promise<RunningGateway> => {
  const { host, gatewayTarget, tlsCertFile } = settings;
  const local = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  const certificate = tlsCertFile === undefined ? undefined : readFileSync(tlsCertFile);
  const app = await createGateway({
    target: gatewayTarget ?? hostPort(local, grpcPort),
    // Our own certificate is what our own service shows: whoever else it is for does not matter here.
    credentials: certificate
      ? ChannelCredentials.createSsl(certificate, null, null, {
          checkServerIdentity: () => undefined,
        })
      : ChannelCredentials.createInsecure(),
    descriptors,
    corsOrigins: [...settings.corsOrigins],
    trustedProxies: [...settings.trustedProxies],
    development: !settings.production,
    logger,
    localize: localizer(),
  });
  await app.listen({ host, port: settings.httpPort });
  return {
    port: (app.server.address() as AddressInfo).port,
    close: () => app.close(),
  };
};
