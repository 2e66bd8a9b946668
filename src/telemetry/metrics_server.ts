import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Metrics } from "./metrics.js";

export interface MetricsServer {
  /** The port it listens on. */
  readonly port: number;
  close(): Promise<void>;
}

export interface MetricsServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly metrics: Pick<Metrics, "render" | "contentType">;
}

const refuse = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
};

const answer = async (
  request: IncomingMessage,
  response: ServerResponse,
  metrics: MetricsServerOptions["metrics"],
): Promise<void> => {
  if (request.url?.split("?")[0] !== "/metrics") {
    refuse(response, 404, "Not found: metrics are at /metrics.");
  } else if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    refuse(response, 405, "Only GET is allowed here.");
  } else {
    const body = await metrics.render();
    response.writeHead(200, { "content-type": metrics.contentType }).end(body);
  }
};

/**
 * Serves GET /metrics for Prometheus over HTTP, and nothing else. Rejects when
 * the port cannot be had.
 */
export const startMetricsServer = async ({
  host,
  port,
  metrics,
}: MetricsServerOptions): Promise<MetricsServer> => {
  const server = createServer(
    { requestTimeout: 5_000, headersTimeout: 5_000, maxHeaderSize: 8_192 },
    (request, response) => {
      answer(request, response, metrics).catch(() => {
        if (!response.headersSent) refuse(response, 500, "The metrics could not be collected.");
        else response.destroy();
      });
    },
  );
  server.listen(port, host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
