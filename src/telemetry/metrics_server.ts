import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Metrics } from "./metrics.js";
import type { CountRefusal } from "./refusal_metrics.js";
import { createSharedRender } from "./shared_render.js";

export interface MetricsServer {
  /** The port it listens on. */
  readonly port: number;
  close(): Promise<void>;
}

/** The limits on a caller of the server, in milliseconds and bytes. */
export interface MetricsLimits {
  /** For the headers of a request, and for all of it; from the connection on. */
  readonly requestMs: number;
  /** Between requests, and while nothing is read of an answer. */
  readonly idleMs: number;
  readonly headerBytes: number;
}

const DEFAULT_LIMITS: MetricsLimits = { requestMs: 5000, idleMs: 5000, headerBytes: 8192 };

export interface MetricsServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly metrics: Pick<Metrics, "render" | "contentType" | "countRefusal">;
  readonly limits?: Partial<MetricsLimits>;
  /** Bounds the connections of the server. Absent: there is no bound. */
  readonly boundConnections?: (server: Server) => void;
}

/** The interval at which Node checks for requests that take too long. */
const CHECK_EVERY_MS = 500;

/** A refused request may have a body that the server does not read: close its connection. */
const refuse = (response: ServerResponse, status: number, text: string): void => {
  const headers = { "content-type": "text/plain; charset=utf-8", connection: "close" };
  response.writeHead(status, headers).end(`${text}\n`);
};

const answer = async (
  request: IncomingMessage,
  response: ServerResponse,
  render: () => Promise<string>,
  contentType: string,
): Promise<void> => {
  if (request.url?.split("?")[0] !== "/metrics") {
    refuse(response, 404, "Not found: metrics are at /metrics.");
  } else if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    refuse(response, 405, "Only GET is allowed here.");
  } else {
    const body = await render();
    response.writeHead(200, { "content-type": contentType }).end(body);
  }
};

/** The status line for input that is not an HTTP request, and the limit that the input exceeds, if any. */
const clientErrors: Readonly<Record<string, readonly [status: string, limit?: [string, string]]>> =
  {
    HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", ["bound", "metrics_header_bytes"]],
    ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", ["budget", "metrics_request_time"]],
  };

const answerClientError =
  (countRefusal: CountRefusal) =>
  (error: NodeJS.ErrnoException, socket: Duplex): void => {
    const [status, limit] = clientErrors[error.code ?? ""] ?? ["400 Bad Request"];
    if (limit !== undefined) countRefusal(...limit);
    if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
    else socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  };

/**
 * Serves GET /metrics for Prometheus over HTTP, and nothing else, within limits
 * of time and size (D8). Rejects when the port cannot be had.
 */
export const startMetricsServer = async ({
  host,
  port,
  metrics,
  boundConnections,
  ...options
}: MetricsServerOptions): Promise<MetricsServer> => {
  const { requestMs, idleMs, headerBytes } = { ...DEFAULT_LIMITS, ...options.limits };
  const render = createSharedRender(() => metrics.render());
  const server = createServer(
    {
      requestTimeout: requestMs,
      headersTimeout: requestMs,
      connectionsCheckingInterval: Math.min(requestMs, CHECK_EVERY_MS),
      keepAliveTimeout: idleMs,
      maxHeaderSize: headerBytes,
    },
    (request, response) => {
      answer(request, response, render, metrics.contentType).catch(() => {
        if (!response.headersSent) refuse(response, 500, "The metrics could not be collected.");
        else response.destroy();
      });
    },
  );
  // Of a peer that reads nothing.
  server.setTimeout(requestMs + idleMs);
  server.on("clientError", answerClientError(metrics.countRefusal));
  boundConnections?.(server);
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
