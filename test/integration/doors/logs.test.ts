import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { ChannelCredentials, Client } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AUDIT_EVENT_TYPES } from "../../../src/core/events/audit_event.js";
import { findFreePort } from "../../support/free_port.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { startServerProcess } from "../../support/server_process.js";
import { startTestService, type TestService } from "../../support/service.js";
import { waitUntil } from "../../support/wait_until.js";
import { type BareAnswer, bareCall } from "./bare_call.js";
import { encodeRequest, METHODS } from "./methods.js";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const INVENTORY = readFileSync(join(ROOT, "docs", "logs.md"), "utf8");

const lines: string[] = [];
let service: TestService;
let client: Client;
beforeAll(async () => {
  service = await startTestService({ LOGIN_MAX_FAILURES: "1" }, (line) => lines.push(line));
  client = new Client(service.target, ChannelCredentials.createInsecure());
});
afterAll(async () => {
  client?.close();
  await service?.stop();
});

interface LoggedLine {
  readonly request_id?: string;
  readonly reason?: string;
  readonly code?: string;
  readonly ip?: string;
}

const linesOf = (requestId: string): LoggedLine[] =>
  lines
    .map((line): LoggedLine => JSON.parse(line))
    .filter(({ request_id }) => request_id === requestId);

/** Calls a method by name, as a request id that the log can be asked for. */
const ask = async (
  name: string,
  values: Readonly<Record<string, unknown>>,
  authorization?: string,
): Promise<{ readonly answer: BareAnswer; readonly requestId: string }> => {
  const method = METHODS.find((one) => one.name === name);
  if (method === undefined) throw new Error(`there is no ${name}`);
  const requestId = `req-${randomUUID()}`;
  const answer = await bareCall(client, {
    path: method.path,
    messages: [encodeRequest(method.input, (field) => values[field.name])],
    authorization,
    metadata: { "x-request-id": requestId },
  });
  return { answer, requestId };
};

describe("every attempt to get around a control is a line of the log", () => {
  const someone = async () => {
    const { username } = await service.createUser();
    const { accessToken, refreshToken } = await service.signIn(username);
    return { username, bearer: `Bearer ${accessToken}`, refreshToken };
  };
  const attempts: readonly [string, string, () => ReturnType<typeof ask>][] = [
    [
      "a field out of bounds",
      "INVALID_ARGUMENT",
      () => ask("AuthService.Login", { username: "x".repeat(2000), password: "y" }),
    ],
    [
      "a page that is none",
      "INVALID_ARGUMENT",
      async () => ask("AuthService.ListMySessions", { page_token: "x" }, (await someone()).bearer),
    ],
    [
      "a token that is none",
      "ACCESS_TOKEN_INVALID",
      () =>
        ask("AuthService.ValidateToken", { access_token: "x.y.z" }, `Bearer ${service.adminKey}`),
    ],
    [
      "somebody else's session",
      "NOT_FOUND",
      async () => {
        const values = { session_id: randomUUID() };
        return ask("AuthService.RevokeMySession", values, (await someone()).bearer);
      },
    ],
    [
      "a call above the caller's rights",
      "PERMISSION_DENIED",
      async () => ask("SessionAdmin.CleanupSessions", {}, (await someone()).bearer),
    ],
    [
      "an old refresh token",
      "REFRESH_TOKEN_REUSED",
      async () => {
        const values = { refresh_token: (await someone()).refreshToken };
        const { answer } = await ask("AuthService.RefreshTokens", values);
        const text = Buffer.concat(answer.messages).toString("latin1");
        const next = { refresh_token: /cfr_[\w-]+/.exec(text)?.[0] };
        await ask("AuthService.RefreshTokens", next);
        return ask("AuthService.RefreshTokens", values);
      },
    ],
    [
      "a password guessed too often",
      "TOO_MANY_ATTEMPTS",
      async () => {
        const values = { username: (await someone()).username, password: "not the right one" };
        await ask("AuthService.Login", values);
        return ask("AuthService.Login", values);
      },
    ],
  ];
  test.each(attempts)("%s: %s", async (_, reason, attempt) => {
    let { answer, requestId } = await attempt();
    // On a busy machine a store may be too slow for a verdict.
    for (let again = 0; again < 5 && answer.reason === "DEPENDENCY_UNAVAILABLE"; again++)
      ({ answer, requestId } = await attempt());
    expect(answer.reason).toBe(reason);
    await waitUntil("it is logged", () => linesOf(requestId).length > 0);
    expect(linesOf(requestId)).toEqual([
      expect.objectContaining({ reason, ip: "127.0.0.1", level: "info" }),
    ]);
  });

  test("what the gateway refuses by itself, once, and without what was sent", async () => {
    const secret = randomUUID();
    const post = (path: string, body: string, headers: Record<string, string> = {}) =>
      fetch(`${service.origin}/auth/${path}`, {
        method: "POST",
        body,
        headers: { "content-type": "application/json", ...headers },
      });
    const refused = [
      await post(`login?password=${secret}`, "{}"),
      await post("login", `{"username":"${secret}"`),
      await post("login", `{"${secret}":1}`),
      await post("login", `username=${secret}`, { "content-type": "text/plain" }),
      await post("logout", "{}", { cookie: `__Host-access=${secret}` }),
    ];
    for (const response of refused) {
      const { request_id, code } = (await response.json()) as Record<string, string>;
      expect(linesOf(request_id ?? "")).toEqual([
        expect.objectContaining({ code, status: response.status, method: "POST" }),
      ]);
    }
    expect(refused.map(({ status }) => status)).toEqual([400, 400, 400, 415, 403]);
    expect(lines.join("")).not.toContain(secret);
  });
});

test("the inventory of logs has every security event", () => {
  const listed = [...INVENTORY.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, type]) => type);
  expect(listed).toEqual([...AUDIT_EVENT_TYPES]);
});

/** The files that a process has open for writing, as Linux reports them. */
const filesWrittenBy = (pid: number): string[] => {
  const folder = `/proc/${pid}/fd`;
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((descriptor) => {
    try {
      const path = readlinkSync(join(folder, descriptor));
      const flags = /^flags:\s+(\d+)$/m.exec(
        readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, "utf8"),
      );
      const writes = (Number.parseInt(flags?.[1] ?? "0", 8) & 3) !== 0;
      return writes && path.startsWith("/") && !path.startsWith("/dev/") ? [path] : [];
    } catch (error) {
      // Closed since the folder was read.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  });
};

test("a service logs to standard output and to no file", async () => {
  const folder = makePrivateFolder("logs");
  const port = await findFreePort();
  const server = await startServerProcess({
    command: process.execPath,
    args: ["--import", import.meta.resolve("tsx"), join(ROOT, "src/cli/main.ts"), "serve"],
    ready: /curfew is ready/,
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      TMPDIR: folder,
      TSX_DISABLE_CACHE: "1",
      DATABASE_URL: service.databaseUrl,
      REDIS_URL: service.redisUrl,
      JWT_ISSUER: service.settings.jwtIssuer,
      HOST: "127.0.0.1",
      GRPC_PORT: String(port),
      HTTP_PORT: "0",
      METRICS_PORT: "0",
      LOG_LEVEL: "debug",
    },
  });
  const own = new Client(`127.0.0.1:${port}`, ChannelCredentials.createInsecure());
  try {
    const before = server.output().length;
    const call = { path: "/curfew.v1.AuthService/GetProfile", messages: [Buffer.alloc(0)] };
    expect((await bareCall(own, call)).reason).toBe("CREDENTIALS_MISSING");
    await waitUntil("the call is logged", () => server.output().length > before);
    expect(filesWrittenBy(server.pid)).toEqual([]);
  } finally {
    own.close();
    await server.stop("SIGTERM");
  }
  expect(readdirSync(folder)).toEqual([]);
}, 60_000);
