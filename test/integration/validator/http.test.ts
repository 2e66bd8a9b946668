import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import Fastify from "fastify";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { Validator } from "../../../src/validator/index.js";
import * as onExpress from "../../../src/validator/integrations/express.js";
import * as onFastify from "../../../src/validator/integrations/fastify.js";
import {
  authenticateUpgrade,
  closeWithSession,
  refuseUpgrade,
  SESSION_ENDED_CLOSE,
} from "../../../src/validator/integrations/websocket.js";
import { setUpValidatorStage } from "./stage.js";

const stage = setUpValidatorStage();
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const originOf = async (server: Server): Promise<string> => {
  if (!server.listening) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/** Both frameworks with the same four routes. */
const frameworks = {
  async fastify(validator: Validator): Promise<string> {
    const { curfew, requireUser, requireRole, getCurrentUser, getCurrentActiveUser, sendProblem } =
      onFastify;
    const app = Fastify();
    await app.register(curfew, { validator });
    app.setErrorHandler((error, _request, reply) => sendProblem(reply, error));
    app.get("/protected", { onRequest: requireUser }, (request) => ({
      message: `Hello ${getCurrentUser(request).username}!`,
    }));
    app.get("/staff", { onRequest: requireRole("clerk") }, () => ({ ok: true }));
    app.get("/active", { onRequest: requireUser }, async (request) => ({
      userId: (await getCurrentActiveUser(request)).userId,
    }));
    app.get("/open", async (request) => ({ user: getCurrentUser(request).username }));
    app.get("/events", { onRequest: requireUser }, (_request, reply) => {
      reply.hijack();
      reply.raw.writeHead(200, { "content-type": "text/event-stream" });
      reply.raw.write("data: hello\n\n");
    });
    await app.ready();
    closers.push(() => app.close());
    return originOf(app.server);
  },

  async express(validator: Validator): Promise<string> {
    const { requireUser, requireRole, getCurrentUser, getCurrentActiveUser, validatorProblems } =
      onExpress;
    const app = express();
    const user = requireUser(validator);
    app.get("/protected", user, (request, response) => {
      response.json({ message: `Hello ${getCurrentUser(request).username}!` });
    });
    app.get("/staff", user, requireRole("clerk"), (_request, response) => {
      response.json({ ok: true });
    });
    app.get("/active", user, async (request, response) => {
      response.json({ userId: (await getCurrentActiveUser(request)).userId });
    });
    app.get("/open", (request, response) => {
      response.json({ user: getCurrentUser(request).username });
    });
    app.get("/events", user, (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: hello\n\n");
    });
    app.use(validatorProblems);
    return originOf(createServer(app));
  },
};

const asks = (origin: string, path: string, token?: string) =>
  fetch(`${origin}${path}`, {
    headers: {
      ...(path === "/events" && { accept: "text/event-stream" }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
  });

describe.each(Object.keys(frameworks) as (keyof typeof frameworks)[])("%s", (name) => {
  test("lets users in, and answers others with a problem", async () => {
    const { token, username, userId } = await stage.signIn();
    const origin = await frameworks[name](await stage.open({ mode: "local" }));

    const good = await asks(origin, "/protected", token);
    expect([good.status, await good.json()]).toEqual([200, { message: `Hello ${username}!` }]);
    expect(await (await asks(origin, "/active", token)).json()).toEqual({ userId });

    const missing = await asks(origin, "/protected");
    expect(missing.status).toBe(401);
    expect(missing.headers.get("www-authenticate")).toBe('Bearer realm="curfew"');
    expect(missing.headers.get("content-type")).toContain("application/problem+json");
    expect(await missing.json()).toMatchObject({ code: "credentials_missing", status: 401 });

    const unguarded = await asks(origin, "/open", token);
    expect(unguarded.status).toBe(401);

    const revision = await stage.logout(token);
    expect(revision).toBeGreaterThan(0n);
    const active = await asks(origin, "/active", token);
    expect(active.status).toBe(401);
    const ended = await asks(origin, "/protected", token);
    expect(ended.headers.get("www-authenticate")).toContain('error="invalid_token"');
    expect(await ended.json()).toMatchObject({
      detail: "Access token has been revoked",
      code: "access_token_blacklisted",
      metadata: { end_reason: "LOGOUT" },
    });
  });

  test("roles: 403 in the contract's shape", async () => {
    const [clerk, guest] = [await stage.signIn(["clerk"]), await stage.signIn()];
    const origin = await frameworks[name](await stage.open());
    expect((await asks(origin, "/staff", clerk.token)).status).toBe(200);
    const refused = await asks(origin, "/staff", guest.token);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ code: "permission_denied" });
  });

  test("an outage is 503 with Retry-After, never 401", async () => {
    const { token } = await stage.signIn();
    const proxy = await stage.proxyTo(stage.service);
    const targets = [`${proxy.host}:${proxy.port}`];
    const origin = await frameworks[name](await stage.open({ targets, deadlineMs: 3000 }));
    proxy.cut();
    const answer = await asks(origin, "/protected", token);
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(await answer.json()).toMatchObject({ code: "dependency_unavailable" });
  });

  test("server-sent events end with the session, and say why", async () => {
    const { token } = await stage.signIn();
    const origin = await frameworks[name](await stage.open({ mode: "local" }));
    const answer = await asks(origin, "/events", token);
    const text = answer.text();
    await stage.logout(token);
    expect(await text).toMatch(
      /^data: hello\n\nevent: session-ended\ndata: \{.*"code":"access_token_blacklisted".*\}\n\n$/,
    );
  });
});

describe("ws", () => {
  const serve = async (validator: Validator): Promise<string> => {
    const server = createServer();
    const sockets = new WebSocketServer({ noServer: true });
    server.on("upgrade", (request, socket, head) => {
      authenticateUpgrade(validator, request).then(
        () =>
          sockets.handleUpgrade(request, socket, head, (opened) => {
            closeWithSession(opened, request);
            opened.on("message", (data) => opened.send(String(data)));
          }),
        (error: unknown) => refuseUpgrade(socket, error),
      );
    });
    closers.push(async () => sockets.close());
    return (await originOf(server)).replace("http", "ws");
  };

  test("is closed with 4401 and the reason when its session ends", async () => {
    const { token } = await stage.signIn();
    const url = await serve(await stage.open({ mode: "local" }));
    const socket = new WebSocket(url, ["chat", `bearer.${token}`]);
    await once(socket, "open");
    socket.send("hello");
    const [echoed] = await once(socket, "message");
    expect(String(echoed)).toBe("hello");

    await stage.logout(token);
    const [code, reason] = await once(socket, "close");
    expect([code, String(reason)]).toEqual([SESSION_ENDED_CLOSE, "ACCESS_TOKEN_BLACKLISTED"]);
  });

  test("is not opened without a good token", async () => {
    const url = await serve(await stage.open());
    const socket = new WebSocket(url);
    const [request, response] = await once(socket, "unexpected-response");
    expect(response.statusCode).toBe(401);
    expect(response.headers["content-type"]).toBe("application/problem+json");
    request.destroy();
  });
});
