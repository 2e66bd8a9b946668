import {
  type CookieVersion,
  compareVersions,
  nextVersion,
  parseVersionName,
  versionName,
} from "../../../../src/gateway/cookie_version.js";

/** Seconds that an access token lives in the model. */
export const LIFETIME = 300;
const GRACE_MS = 10_000;
const IDLE_MS = 30 * 60_000;

/** A session as the model's server knows it. */
export interface ModelSession {
  readonly id: string;
  readonly userId: string;
  readonly createdAt: number;
  generation: number;
  /** When each generation was replaced. */
  readonly replacedAt: number[];
  ended: string | null;
}

/** A request as it arrives. */
export interface ModelRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: Record<string, string>;
  /** The cookies of the browser when it sent the request; empty if it sent none. */
  readonly cookies: ReadonlyMap<string, string>;
}

/** An answer before the browser has it. */
export interface ModelAnswer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Record<string, string>;
  /** Value null: the cookie is cleared. */
  readonly cookies?: readonly (readonly [string, string | null])[];
}

const problem = (status: number, code: string, metadata = {}): ModelAnswer => ({
  status,
  body: { code, status, detail: code, metadata },
});

/** The gateway and the service behind it, as far as a browser sees them. */
export function createModelServer() {
  const sessions: ModelSession[] = [];
  /** The server's clock is not the browser's, which may be set back. */
  let ahead = 0;
  const now = () => Date.now() + ahead;
  let rotations = 0;
  const reuses: string[] = [];

  const view = (session: ModelSession) => ({
    session_id: session.id,
    user_id: session.userId,
    created_at: new Date(session.createdAt).toISOString(),
    last_activity_at: new Date(0).toISOString(),
    idle_expires_at: new Date(IDLE_MS).toISOString(),
  });

  const versions = ({ cookies }: ModelRequest): CookieVersion[] =>
    [...cookies.keys()].flatMap((name) => parseVersionName(name) ?? []);

  function issue(session: ModelSession, request: ModelRequest, isLogin: boolean): ModelAnswer {
    const access = `${session.id}/${now() + LIFETIME * 1000}`;
    const refresh = `${session.id}/${session.generation}`;
    const body = {
      expires_in: LIFETIME,
      session: view(session),
      user: { user_id: session.userId },
    };
    if (request.headers.get("x-session-mode") !== "cookie") {
      return { status: 200, body: { ...body, access_token: access, refresh_token: refresh } };
    }
    const presented = versions(request);
    const next = nextVersion(presented, view(session), isLogin);
    if (!next) throw new Error("every session of the model has an id");
    const csrf = isLogin
      ? `csrf of ${session.id}`
      : (request.cookies.get("__Host-csrf") ?? `csrf of ${session.id}`);
    return {
      status: 200,
      body,
      headers: {
        "x-csrf-token": csrf,
        "x-session-id": session.id,
        "x-session-generation": String(next.generation),
      },
      cookies: [
        ["__Host-access", access],
        ["__Host-csrf", csrf],
        ...presented.map((version) => [versionName(version), null] as const),
        [versionName(next), refresh],
      ],
    };
  }

  /** The session that a request's cookies are of, and its refresh token; none if there are none. */
  function cookieSession(request: ModelRequest) {
    const newest = versions(request).sort(compareVersions).at(-1);
    const access = request.cookies.get("__Host-access");
    const isLate = newest && access && access.split("/")[0] !== newest.sessionId;
    return {
      newest,
      access: isLate ? undefined : access,
      refresh: newest && request.cookies.get(versionName(newest)),
    };
  }

  const expects = ({ headers }: ModelRequest, id: string | undefined) => {
    const expected = headers.get("x-session-id");
    return expected === null || id === undefined || expected === id;
  };
  const mistaken = problem(403, "permission_denied", { check: "session" });

  function refresh(request: ModelRequest): ModelAnswer {
    const { newest, refresh: cookie } = cookieSession(request);
    const isCookie = request.headers.get("x-session-mode") === "cookie";
    if (isCookie && cookie && !expects(request, newest?.sessionId)) return mistaken;
    const token = request.body.refresh_token ?? cookie;
    if (!token) return problem(401, "credentials_missing");
    const [id, text] = token.split("/");
    const session = sessions.find((each) => each.id === id);
    if (!session) return problem(401, "refresh_token_invalid");
    if (session.ended) return problem(401, session.ended);
    const generation = Number(text);
    if (generation === session.generation) {
      session.replacedAt[generation] = now();
      session.generation += 1;
      rotations += 1;
      return issue(session, request, false);
    }
    const isInGrace = now() - (session.replacedAt[generation] ?? 0) < GRACE_MS;
    if (isInGrace && generation === session.generation - 1) return issue(session, request, false);
    if (!isInGrace) {
      session.ended = "session_revoked_or_invalid";
      reuses.push(session.id);
    }
    return problem(401, "refresh_token_reused");
  }

  function protect(request: ModelRequest, serve: (own: ModelSession) => ModelAnswer): ModelAnswer {
    const bearer = request.headers.get("authorization")?.slice("Bearer ".length);
    const { access, newest } = cookieSession(request);
    if (!bearer) {
      const cookie = request.cookies.get("__Host-csrf");
      if (access && request.method !== "GET" && request.headers.get("x-csrf-token") !== cookie) {
        return problem(403, "permission_denied", { check: "csrf" });
      }
      if (!expects(request, access?.split("/")[0] ?? newest?.sessionId)) return mistaken;
    }
    const token = bearer ?? access;
    if (!token) return problem(401, "credentials_missing");
    const [id, expiry] = token.split("/");
    const session = sessions.find((each) => each.id === id);
    if (!session) return problem(401, "access_token_invalid");
    const isLogout = request.path === "/auth/logout";
    if (Number(expiry) <= now() && !isLogout) return problem(401, "access_token_expired");
    if (session.ended && !isLogout) return problem(401, "access_token_blacklisted");
    const answer = serve(session);
    if (bearer) return answer;
    const generation = newest ? { "x-session-generation": String(newest.generation) } : {};
    return {
      ...answer,
      headers: { "x-session-id": session.id, ...generation, ...answer.headers },
    };
  }

  return {
    sessions,
    /** Sessions that were ended as stolen. */
    reuses,
    rotations: () => rotations,
    /** Keeps the server's clock where it is although the browser's is moved by this, in ms. */
    browserClockMoved(by: number): void {
      ahead -= by;
    },
    find: (id: string | undefined) => sessions.find((each) => each.id === id),
    answer(request: ModelRequest, onPost: (own: ModelSession) => void): ModelAnswer {
      switch (request.path) {
        case "/auth/login": {
          const id = `s${sessions.length + 1}`;
          const userId = String(request.body.username);
          const session = {
            id,
            userId,
            createdAt: now(),
            generation: 1,
            replacedAt: [],
            ended: null,
          };
          sessions.push(session);
          return issue(session, request, true);
        }
        case "/auth/refresh":
          return refresh(request);
        case "/auth/logout":
          return protect(request, (own) => {
            own.ended ??= "session_revoked_or_invalid";
            const names = ["__Host-access", "__Host-csrf", ...versions(request).map(versionName)];
            return {
              status: 200,
              body: { message: "bye", revision: "1" },
              cookies: request.headers.has("authorization")
                ? []
                : names.map((name) => [name, null] as const),
            };
          });
        case "/debug/session-info":
          return protect(request, (own) => ({
            status: 200,
            headers: { "x-csrf-token": request.cookies.get("__Host-csrf") ?? "" },
            body: { session: view(own) },
          }));
        default:
          return protect(request, (own) => {
            onPost(own);
            return { status: 200, body: { by: own.id } };
          });
      }
    },
  };
}
