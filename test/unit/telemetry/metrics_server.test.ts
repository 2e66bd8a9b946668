import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { boundConnections } from "../../../src/gateway/budgets/connection_budget.js";
import { createMetrics } from "../../../src/telemetry/metrics.js";
import {
  type MetricsServer,
  type MetricsServerOptions,
  startMetricsServer,
} from "../../../src/telemetry/metrics_server.js";
import { createSharedRender } from "../../../src/telemetry/shared_render.js";
import { waitUntil } from "../../support/wait_until.js";

describe("metrics server", () => {
  let server: MetricsServer;
  beforeEach(async () => {
    const metrics = createMetrics({ processMetrics: false });
    metrics.countHotBatch(1);
    server = await startMetricsServer({ host: "127.0.0.1", port: 0, metrics });
  });
  afterEach(() => server.close());
  const get = (path: string, method = "GET") =>
    fetch(`http://127.0.0.1:${server.port}${path}`, { method, headers: { connection: "close" } });

  test("GET /metrics answers in Prometheus's format", async () => {
    const response = await get("/metrics");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await response.text()).toContain("curfew_hot_store_batch_sessions_count 1");
  });

  test("nothing else is served", async () => {
    expect((await get("/")).status).toBe(404);
    expect((await get("/metrics/../etc")).status).toBe(404);
    const posted = await get("/metrics", "POST");
    expect(posted.status).toBe(405);
    expect(posted.headers.get("allow")).toBe("GET, HEAD");
  });

  test("a port in use is an error that says so", async () => {
    const again = startMetricsServer({
      host: "127.0.0.1",
      port: server.port,
      metrics: createMetrics({ processMetrics: false }),
    });
    await expect(again).rejects.toThrow(/EADDRINUSE/);
  });

  test("a collector that throws is a 500, not a crash", async () => {
    const failing = await startMetricsServer({
      host: "127.0.0.1",
      port: 0,
      metrics: {
        render: () => Promise.reject(new Error("SECRET")),
        contentType: "text/plain",
        countRefusal: () => undefined,
      },
    });
    const response = await fetch(`http://127.0.0.1:${failing.port}/metrics`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("SECRET");
    await failing.close();
  });
});

describe("D8 strangers at the metrics port", () => {
  let server: MetricsServer | undefined;
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await server?.close();
    server = undefined;
  });

  const start = async (options: Partial<MetricsServerOptions>) => {
    const refused: string[] = [];
    server = await startMetricsServer({
      host: "127.0.0.1",
      port: 0,
      metrics: {
        ...createMetrics({ processMetrics: false }),
        countRefusal: (by, limit) => refused.push(`${by} ${limit}`),
      },
      ...options,
    });
    const { port } = server;
    /** Sends the text on a connection and returns the server's answer, up to the end of the connection. */
    const tell = (text: string) => {
      const socket = connect(port, "127.0.0.1");
      sockets.push(socket);
      const heard: Buffer[] = [];
      socket.on("error", () => undefined);
      socket.on("data", (bytes: Buffer) => heard.push(bytes));
      socket.write(text);
      return once(socket, "close").then(() => String(Buffer.concat(heard)));
    };
    return { port, refused, tell };
  };

  const HURRIED = { limits: { requestMs: 100, idleMs: 100 } };

  test.each([
    ["say nothing", ""],
    ["send headers slowly", "GET /metrics HTTP/1.1\r\nhost: x\r\n"],
    ["never send their body", "GET /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n"],
  ])("that %s are cut off", async (_, text) => {
    const { tell } = await start(HURRIED);
    const heard = await tell(text);
    // Of the two limits either may be first, and the one for idle connections answers nothing.
    if (!text.includes("content-length")) expect(heard).toMatch(/^(HTTP\/1.1 408 |$)/);
  });

  test("that take too long are counted", async () => {
    const { tell, refused } = await start(HURRIED);
    await tell("GET /metrics HTTP/1.1\r\n");
    expect(refused).toEqual(["budget metrics_request_time"]);
  });

  test("with large headers are refused and counted", async () => {
    const { tell, refused } = await start({});
    const heard = await tell(`GET /metrics HTTP/1.1\r\nx-large: ${"x".repeat(9000)}\r\n\r\n`);
    expect(heard).toMatch(/^HTTP\/1.1 431 /);
    expect(refused).toEqual(["bound metrics_header_bytes"]);
  });

  test("that do not speak HTTP are answered 400", async () => {
    const { tell, refused } = await start({});
    expect(await tell("\u0016\u0003\u0001 hello\r\n\r\n")).toMatch(/^HTTP\/1.1 400 /);
    expect(refused).toEqual([]);
  });

  test("with many connections keep nobody out", async () => {
    const refused: string[] = [];
    const limits = {
      anonymousConnections: 10,
      anonymousConnectionsPerSource: 5,
      provenConnections: 0,
    };
    const { port } = await start({
      boundConnections: (http) =>
        void boundConnections(
          http,
          limits,
          () => false,
          (by, limit) => refused.push(`${by} ${limit}`),
          "metrics_connections",
        ),
    });
    for (let index = 0; index < 40; index += 1) {
      const socket = connect(port, "127.0.0.1").on("error", () => undefined);
      sockets.push(socket);
      await once(socket, "connect");
    }
    await waitUntil("the excess is refused", () => refused.length >= 35);
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`, {
      headers: { connection: "close" },
    });
    expect(answer.status).toBe(200);
    expect(new Set(refused)).toEqual(new Set(["budget metrics_connections_per_source"]));
  });
});

describe("D8 requests share the collection of metrics", () => {
  test("each gets one that began after it asked", async () => {
    const renders: ((text: string) => void)[] = [];
    const render = createSharedRender(() => new Promise((resolve) => renders.push(resolve)));
    const first = render();
    await waitUntil("the first has begun", () => renders.length === 1);
    const later = Array.from({ length: 1000 }, () => render());
    renders[0]?.("one");
    expect(await first).toBe("one");
    await waitUntil("the second has begun", () => renders.length === 2);
    renders[1]?.("two");
    expect(new Set(await Promise.all(later))).toEqual(new Set(["two"]));
    expect(renders).toHaveLength(2);
  });

  test("a failure is of those that waited for it", async () => {
    let isBroken = true;
    const render = createSharedRender(async () => {
      if (isBroken) throw new Error("broken");
      return "well";
    });
    await expect(render()).rejects.toThrow("broken");
    isBroken = false;
    expect(await render()).toBe("well");
  });
});
