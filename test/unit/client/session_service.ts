import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { cookiesOf } from "./request_cookies.js";
import { type HeldCall, problem, type ServiceAnswer, type ServiceCall } from "./service_answer.js";

interface ServedSession {
  readonly id: string;
  userId: string;
  generation: number;
  refreshToken: string;
  end: { code: string; metadata?: Record<string, string> } | null;
}

/**
 * The REST face of the contract, over memory: one user (`ada` / `correct horse`),
 * opaque tokens, and no grace time, so that a second use of a refresh token ends
 * the session and a client that refreshes twice is caught.
 */
export async function startSessionService(pages: Record<string, ServiceAnswer> = {}) {
  const calls: ServiceCall[] = [];
  const sessions = new Map<string, ServedSession>();
  const access = new Map<string, { session: ServedSession; isExpired: boolean }>();
  const overrides: { path: string; answer: ServiceAnswer | "drop" }[] = [];
  const holds: { path: string; arrive(): void; released: Promise<void> }[] = [];
  const settings = {
    expiresIn: 900,
    idleSeconds: 1800,
    hasGrace: false,
    /** A gateway of 0.1 names neither session nor generation in its headers. */
    countsRefreshes: (_path: string) => true,
  };
  /** Sessions in whose name a POST to /data was done. */
  const done: string[] = [];
  let serial = 0;

  const user = {
    user_id: "u1",
    username: "ada",
    display_name: "Ada",
    roles: ["member"],
    is_active: true,
    created_at: "2025-01-01T00:00:00Z",
  };

  function sessionBody(session: ServedSession) {
    const now = Date.now();
    const at = (seconds: number) => new Date(now + seconds * 1000).toISOString();
    return {
      session_id: session.id,
      user_id: session.userId,
      state: "ACTIVE",
      created_at: at(0),
      last_activity_at: at(0),
      idle_expires_at: at(settings.idleSeconds),
      expires_at: at(7 * 86_400),
      revoked_at: null,
      end_reason: "UNSPECIFIED",
      ended_by: "",
      device: "",
      ip: "127.0.0.1",
      user_agent: "test",
      current: true,
    };
  }

  function issue(session: ServedSession, call: ServiceCall, more: object = {}): ServiceAnswer {
    serial += 1;
    const accessToken = `access-${session.id}-${session.generation}-${serial}`;
    session.refreshToken = `refresh-${session.id}-${session.generation}`;
    access.set(accessToken, { session, isExpired: false });
    const rest = {
      token_type: "bearer",
      expires_in: settings.expiresIn,
      session: sessionBody(session),
      ...more,
    };
    if (call.headers["x-session-mode"] !== "cookie") {
      const body = { access_token: accessToken, refresh_token: session.refreshToken, ...rest };
      return { status: 200, body };
    }
    const csrf = csrfOf(session);
    const set = (name: string, value: string, more: string) =>
      `${name}=${value}; Path=/; Secure; SameSite=Strict${more}`;
    const cookies = [
      set("__Host-access", accessToken, "; HttpOnly"),
      set("__Host-refresh", session.refreshToken, "; HttpOnly"),
      set("__Host-csrf", csrf, ""),
    ];
    return {
      status: 200,
      headers: {
        "set-cookie": cookies.join("\n"),
        "x-csrf-token": csrf,
        "x-session-id": session.id,
        "x-session-generation": String(session.generation),
      },
      body: rest,
    };
  }

  const csrfOf = (session: ServedSession) => `csrf-${session.id}`;
  /** A page that takes the cookies for those of another session. */
  const isOfAnother = ({ headers }: ServiceCall, { id }: ServedSession): boolean =>
    headers["x-session-id"] !== undefined && headers["x-session-id"] !== id;
  const mistaken = problem(403, "permission_denied", { check: "session" });
  const forged = problem(403, "permission_denied", { check: "csrf" });
  const contradiction = problem(400, "invalid_argument");

  function isForged(call: ServiceCall, session: ServedSession): boolean {
    return call.method !== "GET" && call.headers["x-csrf-token"] !== csrfOf(session);
  }

  function login(call: ServiceCall): ServiceAnswer {
    const { username, password } = JSON.parse(call.text);
    if (username !== "ada" || password !== "correct horse") {
      return problem(401, "invalid_credentials");
    }
    const id = `s${sessions.size + 1}`;
    const session = { id, userId: user.user_id, generation: 1, refreshToken: "", end: null };
    sessions.set(id, session);
    return issue(session, call, { user, ended_sessions: [] });
  }

  function refresh(call: ServiceCall): ServiceAnswer {
    const cookie = cookiesOf(call.headers.cookie).get("__Host-refresh");
    const inBody: string | undefined = JSON.parse(call.text).refresh_token;
    if (cookie !== undefined && inBody !== undefined && cookie !== inBody) return contradiction;
    const given = inBody ?? cookie;
    if (given === undefined) {
      return call.headers["x-session-mode"] === "cookie"
        ? problem(401, "credentials_missing")
        : problem(400, "invalid_argument");
    }
    const session = [...sessions.values()].find(({ id }) => given.startsWith(`refresh-${id}-`));
    if (!session) return problem(401, "refresh_token_invalid");
    if (inBody === undefined && isOfAnother(call, session)) return mistaken;
    if (session.end) return problem(401, "session_revoked_or_invalid");
    const isRepeated = given === `refresh-${session.id}-${session.generation - 1}`;
    if (isRepeated && settings.hasGrace) return issue(session, call);
    if (given !== session.refreshToken) {
      session.end = { code: "access_token_blacklisted", metadata: { end_reason: "REFRESH_REUSE" } };
      return problem(401, "refresh_token_reused");
    }
    session.generation += 1;
    return issue(session, call);
  }

  function protect(call: ServiceCall, serve: (session: ServedSession) => ServiceAnswer) {
    const cookie = cookiesOf(call.headers.cookie).get("__Host-access");
    const bearer = call.headers.authorization?.replace(/^Bearer /, "");
    if (cookie !== undefined && bearer !== undefined && cookie !== bearer) return contradiction;
    const token = bearer ?? cookie;
    if (!token) return problem(401, "credentials_missing");
    const found = access.get(token);
    if (!found) return problem(401, "access_token_invalid");
    if (bearer === undefined && isForged(call, found.session)) return forged;
    if (bearer === undefined && isOfAnother(call, found.session)) return mistaken;
    if (found.isExpired && !call.path.endsWith("/logout")) {
      return problem(401, "access_token_expired");
    }
    return serve(found.session);
  }

  function protectLive(call: ServiceCall, serve: (session: ServedSession) => ServiceAnswer) {
    return protect(call, (session) => {
      if (session.end) return problem(401, session.end.code, session.end.metadata);
      return serve(session);
    });
  }

  function logout(call: ServiceCall): ServiceAnswer {
    return protect(call, (session) => {
      session.end ??= { code: "access_token_blacklisted", metadata: { end_reason: "LOGOUT" } };
      const gone = ["__Host-access", "__Host-refresh", "__Host-csrf"].map(
        (name) => `${name}=; Path=/; Secure; Max-Age=0`,
      );
      return {
        status: 200,
        body: { message: "Logged out", revision: "7" },
        ...(call.headers.authorization === undefined && {
          headers: { "set-cookie": gone.join("\n") },
        }),
      };
    });
  }

  const live = () => [...sessions.values()].filter(({ end }) => end === null);

  const routes: Record<string, (call: ServiceCall) => ServiceAnswer> = {
    "POST /api/v1/auth/login": login,
    "POST /api/v1/auth/refresh": refresh,
    "POST /api/v1/auth/logout": logout,
    "GET /api/v1/auth/profile": (call) => protectLive(call, () => ({ status: 200, body: user })),
    "GET /api/v1/debug/session-info": (call) =>
      protectLive(call, (own) => ({
        status: 200,
        headers: {
          "x-session-id": own.id,
          // As the browser shows it.
          "x-session-generation":
            cookiesOf(call.headers.cookie).get("__Host-refresh")?.split("-").at(-1) ?? "",
          "x-csrf-token": csrfOf(own),
        },
        body: { user_id: user.user_id, session_valid: true, session: sessionBody(own) },
      })),
    "GET /api/v1/auth/sessions": (call) =>
      protectLive(call, (own) => ({
        status: 200,
        body: {
          sessions: live().map((each) => ({ ...sessionBody(each), current: each === own })),
          next_page_token: "",
        },
      })),
    "POST /api/v1/auth/sessions:revokeOthers": (call) =>
      protectLive(call, (own) => {
        const others = live().filter((each) => each !== own);
        for (const each of others) each.end = { code: "access_token_blacklisted" };
        return { status: 200, body: { revoked_sessions: others.length, revision: "9" } };
      }),
    "POST /api/v1/auth/activity": (call) =>
      protectLive(call, () => ({ status: 200, body: { recorded: 1 } })),
    "GET /api/v1/data": (call) =>
      protectLive(call, (own) => ({ status: 200, body: { by: own.id } })),
    "POST /api/v1/data": (call) =>
      protectLive(call, (own) => {
        done.push(own.id);
        return { status: 200, body: { by: own.id, echo: call.text } };
      }),
  };

  function answerOf(call: ServiceCall): ServiceAnswer {
    const page = pages[call.path];
    if (page && call.method === "GET") return page;
    const revoked = /^\/api\/v1\/auth\/sessions\/(.+)$/.exec(call.path)?.[1];
    if (call.method === "DELETE" && revoked) {
      return protectLive(call, () => {
        const session = sessions.get(revoked);
        if (!session) return problem(404, "not_found");
        session.end ??= { code: "access_token_blacklisted", metadata: { end_reason: "USER" } };
        return { status: 200, body: { revision: "8" } };
      });
    }
    return routes[`${call.method} ${call.path}`]?.(call) ?? problem(404, "not_found");
  }

  function takeFirst<T extends { path: string }>(list: T[], path: string): T | undefined {
    const index = list.findIndex((each) => path.endsWith(each.path));
    return index < 0 ? undefined : list.splice(index, 1)[0];
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    const { method = "GET", url = "/", headers } = request;
    const [path = "/"] = url.split("?");
    response.setHeader("access-control-allow-origin", headers.origin ?? "*");
    response.setHeader("access-control-allow-headers", "authorization, content-type");
    response.setHeader("access-control-allow-methods", "GET, POST, DELETE");
    if (method === "OPTIONS") return void response.end();
    const call = { method, path, headers, text };
    calls.push(call);
    const held = takeFirst(holds, path);
    held?.arrive();
    await held?.released;
    const override = takeFirst(overrides, path)?.answer;
    if (override === "drop") return void response.destroy();
    const { status, body, headers: extra = {} } = override ?? answerOf(call);
    const isPage = typeof body === "string";
    response.statusCode = status;
    if (!isPage) {
      const type = status < 400 ? "application/json" : "application/problem+json";
      response.setHeader("content-type", type);
    }
    for (const [name, value] of Object.entries(extra)) {
      if (!settings.countsRefreshes(path) && /^x-session-/.test(name)) continue;
      response.setHeader(name, name === "set-cookie" ? value.split("\n") : value);
    }
    response.end(isPage ? body : JSON.stringify(body ?? {}));
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    origin,
    apiBaseUrl: `${origin}/api/v1`,
    user,
    settings,
    calls,
    live,
    done,
    /** Makes a session another user's. */
    giveTo(id: string, userId: string): void {
      const session = sessions.get(id);
      if (session) session.userId = userId;
    },
    /** How many calls went to a path that ends like this. */
    count: (path: string) => calls.filter((call) => call.path.endsWith(path)).length,
    last: (path: string) => calls.findLast((call) => call.path.endsWith(path)),
    /** Gives the next call to the path this answer; `drop` cuts its connection. */
    answerNext(path: string, answer: ServiceAnswer | "drop"): void {
      overrides.push({ path, answer });
    },
    problem,
    /** Makes the next call to the path wait. */
    hold(path: string): HeldCall {
      let arrive = () => {};
      let release = () => {};
      const arrived = new Promise<void>((resolve) => {
        arrive = resolve;
      });
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      holds.push({ path, arrive, released });
      return { arrived, release };
    },
    expireAccessTokens(): void {
      for (const each of access.values()) each.isExpired = true;
    },
    revokeSessions(code = "access_token_blacklisted", metadata?: Record<string, string>): void {
      for (const session of sessions.values())
        session.end ??= { code, ...(metadata && { metadata }) };
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A running service. */
export type SessionService = Awaited<ReturnType<typeof startSessionService>>;
