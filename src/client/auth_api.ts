import type { ApiRequestDeps } from "./api_request.js";
import { limited } from "./cancellation.js";
import { NetworkError } from "./network_error.js";
import { readProblem } from "./problem.js";
import type { Session } from "./session.js";
import { isAnswer } from "./session_error.js";
import { NOBODY, type Proof } from "./stored_session.js";
import type { User } from "./user.js";

/** The session data that a response carries in its body and headers. */
export interface SessionAnswer {
  /** Absent in cookie mode. */
  readonly access_token?: string;
  readonly refresh_token?: string;
  /** Seconds; absent where no token is given. */
  readonly expires_in?: number;
  readonly session?: Session;
  /** From X-CSRF-Token, for pages that cannot read the API's cookies. */
  readonly csrf_token?: string | null;
  /** From X-Session-Generation: counts the refreshes of the cookies' session; null if the server did not send it. */
  readonly generation?: number | null;
}

/** The answer of `POST /auth/login`. */
export interface LoginAnswer extends SessionAnswer {
  readonly user?: User;
  readonly ended_sessions?: readonly Session[];
}

/** The part of `GET /debug/session-info`'s answer that is used. */
export interface OwnerAnswer extends SessionAnswer {
  readonly session: Session;
}

/** How a refresh is made. */
export interface RefreshCall {
  /** The user may be away: no use of the session. */
  readonly isBackground?: boolean;
  readonly signal?: AbortSignal | null | undefined;
  /** Milliseconds. Absent: as for every call. */
  readonly limitMs?: number;
}

/**
 * The calls that make, renew, name and end a session. They throw SessionError,
 * or NetworkError for every answer that does not have Curfew's form.
 */
export interface AuthApi {
  login(body: LoginBody, signal?: AbortSignal | null): Promise<LoginAnswer>;
  refresh(proof: Proof, how?: RefreshCall): Promise<SessionAnswer>;
  /** Whose session the browser's cookies are of. */
  owner(): Promise<OwnerAnswer>;
  logout(proof: Proof): Promise<unknown>;
}

/** Body of `POST /auth/login`. */
export interface LoginBody {
  readonly username: string;
  readonly password: string;
  readonly device_name: string | undefined;
}

/** The dependencies of the calls. */
export interface AuthApiDeps extends ApiRequestDeps {
  readonly language: () => string | undefined;
  /** For a call with its answer's body. */
  readonly requestTimeoutMs: number;
}

interface Call extends RefreshCall {
  /** Absent: a GET. Members that are undefined are not sent. */
  readonly body?: object;
  readonly proof?: Proof;
  /** Lets the request outlive the page, as when the caller leaves for the login page. */
  readonly keepalive?: boolean;
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

/** Makes the calls for one API. */
export function createAuthApi(deps: AuthApiDeps): AuthApi {
  const { targets, credentials } = deps;
  const isCookie = credentials.mode === "cookie";

  async function ask(url: string, call: Call, signal: AbortSignal): Promise<object> {
    const { body, proof = NOBODY, isBackground = false, keepalive = false } = call;
    const method = body ? "POST" : "GET";
    const headers = new Headers(body && { "content-type": "application/json" });
    if (isCookie) headers.set("x-session-mode", "cookie");
    credentials.apply(headers, method, proof, true, isBackground);
    const response = await deps.fetch(url, {
      method,
      headers,
      ...(body && { body: JSON.stringify({ ...body, language: deps.language() }) }),
      signal,
      keepalive,
      // The body holds tokens: they go to this URL or nowhere.
      redirect: "error",
      cache: "no-store",
      ...credentials.cookies(),
    });
    if (!response.ok) throw await readProblem(response);
    const answer: object | null = await response.json();
    const generation = response.headers.get("x-session-generation");
    return {
      ...answer,
      csrf_token: response.headers.get("x-csrf-token"),
      generation: generation === null ? null : Number(generation),
    };
  }

  async function send<T extends object>(
    path: string,
    call: Call,
    isOurs: (answer: T) => unknown,
  ): Promise<T> {
    const url = targets.api(path);
    try {
      const limitMs = call.limitMs ?? deps.requestTimeoutMs;
      const answer = await limited(limitMs, call.signal, (signal) => ask(url, call, signal));
      if (isOurs(answer as T)) return answer as T;
      throw new Error("it is not Curfew's");
    } catch (error) {
      if (call.signal?.aborted || isAnswer(error)) throw error;
      const { message } = error as Error;
      throw new NetworkError(`No answer of Curfew from ${url}: ${message}`, { cause: error });
    }
  }

  const hasTokens = ({ expires_in, session, access_token, refresh_token }: SessionAnswer) =>
    typeof expires_in === "number" &&
    (isCookie ? isText(session?.session_id) : isText(access_token) && isText(refresh_token));

  return {
    login: (body, signal) => send("auth/login", { body, signal }, hasTokens),
    refresh(proof, how) {
      const body = { refresh_token: proof.refreshToken ?? undefined };
      const call = { body, proof: { ...proof, accessToken: null }, ...how };
      return send("auth/refresh", call, hasTokens);
    },
    owner: () =>
      send<OwnerAnswer>("debug/session-info", { isBackground: true }, ({ session }) =>
        isText(session?.session_id),
      ),
    logout: (proof) =>
      send<{ message?: unknown; revision?: unknown }>(
        "auth/logout",
        { body: { access_token: proof.accessToken ?? undefined }, proof, keepalive: true },
        ({ message, revision }) => isText(message) && revision !== undefined,
      ),
  };
}
