import { randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findFreePort } from "../../support/free_port.js";
import { waitUntil } from "../../support/wait_until.js";
import { createUser, openSite, type ServedReplica, type Site } from "./site.js";

/** The interval at which the balancer checks the readiness of each replica. */
const PROBE_EVERY_MS = 50;
const CLIENTS = 4;
const SOME_CALLS = 40;

let site: Site;
let replicas: ServedReplica[];
beforeAll(async () => {
  site = await openSite({
    NODE_ENV: "production",
    JWT_ISSUER: "https://login.example.com",
    KEY_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
  });
  replicas = [];
  for (let i = 0; i < 2; i++)
    replicas.push(await site.serve({ HTTP_PORT: String(await findFreePort()) }));
}, 120_000);
afterAll(() => site?.stop());

interface Answer {
  readonly status: number;
  readonly connection: string;
}

const ask = (
  port: number,
  agent: Agent,
  path: string,
  headers: Record<string, string>,
  body?: string,
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request(
      {
        port,
        host: "127.0.0.1",
        agent,
        path,
        method: body === undefined ? "GET" : "POST",
        headers,
      },
      (response) => {
        response.resume();
        response.once("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            connection: response.headers.connection ?? "",
          }),
        );
      },
    );
    sent.once("error", reject);
    sent.end(body);
  });

test("O1: a rolling restart behind a balancer that asks /readyz fails no REST call", async () => {
  const ports = replicas.map(({ environment }) => Number(environment.HTTP_PORT));
  const ready = new Set(ports);
  const [first] = replicas;
  if (first === undefined) throw new Error("there is no replica");
  const { accessToken } = await first.signIn(await createUser(first, site.adminKey));
  const probes = new Agent();
  const connections = new Agent({ keepAlive: true });
  const failures: string[] = [];
  const seen: string[] = [];
  let calls = 0;
  let isOver = false;

  const balance = async (port: number): Promise<void> => {
    while (!isOver) {
      const status = await ask(port, probes, "/readyz", {}).then(
        (answer) => answer.status,
        () => 0,
      );
      if (status === 200) ready.add(port);
      else if (ready.delete(port)) seen.push(`${port} ${status}`);
      await wait(PROBE_EVERY_MS);
    }
  };
  const visit = async (client: number): Promise<void> => {
    for (let turn = client; !isOver; turn++) {
      const open = ports.filter((port) => ready.has(port));
      const port = open[turn % open.length];
      if (port === undefined) {
        // On a busy machine a replica may be late with the answer to a probe.
        await wait(PROBE_EVERY_MS);
        continue;
      }
      const headers = {
        authorization: `Bearer ${site.adminKey}`,
        "content-type": "application/json",
      };
      const body = JSON.stringify({ access_token: accessToken });
      await ask(port, connections, "/api/v1/auth/validate", headers, body).then(
        ({ status }) => {
          if (status === 200) calls += 1;
          else failures.push(`${port} answered ${status}`);
        },
        (error: Error) => failures.push(`${port}: ${error.message}`),
      );
    }
  };
  const working = async (): Promise<void> => {
    const before = calls;
    await waitUntil("the clients have worked on", () => calls > before + SOME_CALLS, 30_000);
  };

  const work = [...ports.map(balance), ...Array.from({ length: CLIENTS }, (_, i) => visit(i))];
  try {
    await working();
    for (const replica of replicas) {
      const port = Number(replica.environment.HTTP_PORT);
      await replica.process.stop("SIGTERM");
      expect(replica.process.output()).toContain('"msg":"stopped"');
      // It said so before it refused connections.
      expect(seen).toContain(`${port} 503`);
      await working();
      await site.serve(replica.environment);
      await waitUntil("it is ready again", () => ready.has(port), 30_000);
      await working();
    }
  } finally {
    isOver = true;
    await Promise.all(work);
    connections.destroy();
    probes.destroy();
  }
  expect(failures).toEqual([]);
}, 180_000);
