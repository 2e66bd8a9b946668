import { abortable, startTimeLimit } from "./cancellation.js";
import type { Credentials } from "./credentials.js";
import { NetworkError } from "./network_error.js";
import { readProblem } from "./problem.js";
import type { RequestTargets } from "./request_target.js";
import type { Session } from "./session.js";
import { SessionError } from "./session_error.js";
import { NOBODY, type Proof } from "./stored_session.js";
import type { User } from "./user.js";

/** What headers say beside an answer's body. */
interface Told {
  /** From X-CSRF-Token, for pages that cannot read the API's cookies. */
  readonly csrf_token?: string | null;
  /** From X-Session-Generation: counts the refreshes of the cookies' session; null if it is not told. */
  readonly generation?: number | null;
}

/** Body of `POST /auth/refresh`'s answer, and the part of login's that is the same. */
export interface TokenAnswer extends Told {
  /** Absent in cookie mode. */
  readonly access_token?: string;
  readonly refresh_token?: string;
  /** Seconds. */
  readonly expires_in: number;
  readonly session?: Session;
}

/** Body of `POST /auth/login`'s answer. */
export interface LoginAnswer extends TokenAnswer {
  readonly user?: User;
  readonly ended_sessions?: readonly Session[];
}

/** The part of `GET /debug/session-info`'s answer that is used. */
export interface OwnerAnswer extends Told {
  readonly session: Session;
}

/** How a refresh is made. */
export interface RefreshCall {
  /** The user may be away: no use of the session. */
  readonly isBackground?: boolean;
  readonly signal?: AbortSignal;
  /** Milliseconds. Absent: as for every call. */
  readonly limitMs?: number;
}

/**
 * The calls that make, renew, name and end a session. They throw SessionError,
 * or NetworkError for every answer that does not have Curfew's form.
 */
export interface AuthApi {
  login(body: LoginBody, signal?: AbortSignal | null): Promise<LoginAnswer>;
  refresh(proof: Proof, how?: RefreshCall): Promise<TokenAnswer>;
  /** Whose session the browser's cookies are of. */
  owner(): Promise<OwnerAnswer>;
  logout(proof: Proof): Promise<void>;
}

/** Body of `POST /auth/login`. */
export interface LoginBody {
  readonly username: string;
  readonly password: string;
  readonly language?: string;
  readonly device_name?: string;
}

/** What the calls need. */
export interface AuthApiDeps {
  readonly targets: RequestTargets;
  readonly credentials: Credentials;
  readonly fetch: typeof fetch;
  readonly language: () => string | undefined;
  /** For a call with its answer's body. */
  readonly timeoutMs: number;
}

interface Call extends RefreshCall {
  readonly path: string;
  /** Absent: a GET. */
  readonly body?: object;
  readonly proof?: Proof;
  /** Lets the request outlive the page, as when the caller leaves for the login page. */
  readonly keepalive?: boolean;
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

/** Makes the calls for one API. */
export function createAuthApi(deps: AuthApiDeps): AuthApi {
  const { targets, credentials, timeoutMs } = deps;
  const isCookie = credentials.mode === "cookie";

  async function ask(url: string, call: Call, signal: AbortSignal): Promise<object & Told> {
    const { body, keepalive = false } = call;
    const method = body ? "POST" : "GET";
    const headers = new Headers(body && { "content-type": "application/json" });
    if (isCookie) headers.set("x-session-mode", "cookie");
    if (call.isBackground) headers.set("x-skip-activity", "true");
    credentials.apply(headers, method, call.proof ?? NOBODY, true);
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

  async function send<T extends object>(call: Call, isOurs: (answer: T) => unknown): Promise<T> {
    const url = targets.api(call.path);
    const limitMs = call.limitMs ?? timeoutMs;
    const limit = startTimeLimit(limitMs, call.signal);
    try {
      const answer = (await abortable(ask(url, call, limit.signal), limit.signal)) as T;
      if (isOurs(answer)) return answer;
      throw new NetworkError(`The answer from ${url} is not Curfew's`);
    } catch (error) {
      if (call.signal?.aborted) throw call.signal.reason;
      if (error instanceof SessionError || error instanceof NetworkError) throw error;
      const what = limit.expired() ? `No answer within ${limitMs} ms` : "No answer of Curfew";
      throw new NetworkError(`${what} from ${url}`, { cause: error });
    } finally {
      limit.stop();
    }
  }

  const hasTokens = ({ expires_in, session, access_token, refresh_token }: TokenAnswer) =>
    typeof expires_in === "number" &&
    (isCookie ? isText(session?.session_id) : isText(access_token) && isText(refresh_token));

  return {
    login: (body, signal) =>
      send<LoginAnswer>({ path: "auth/login", body, ...(signal && { signal }) }, hasTokens),
    refresh(proof, how) {
      const body = proof.refreshToken === null ? {} : { refresh_token: proof.refreshToken };
      const call = { path: "auth/refresh", body, proof: { ...proof, accessToken: null }, ...how };
      return send<TokenAnswer>(call, hasTokens);
    },
    owner: () =>
      send<OwnerAnswer>({ path: "debug/session-info", isBackground: true }, ({ session }) =>
        isText(session?.session_id),
      ),
    async logout(proof) {
      const body = proof.accessToken === null ? {} : { access_token: proof.accessToken };
      const call = { path: "auth/logout", body, proof, keepalive: true };
      await send<{ message?: unknown; revision?: unknown }>(
        call,
        ({ message, revision }) => isText(message) && revision !== undefined,
      );
    },
  };
}
