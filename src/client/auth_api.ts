import { startTimeLimit } from "./cancellation.js";
import type { Credentials } from "./credentials.js";
import { NetworkError } from "./network_error.js";
import { readProblem } from "./problem.js";
import type { RequestTargets } from "./request_target.js";
import type { Session } from "./session.js";
import type { Proof } from "./stored_session.js";
import type { User } from "./user.js";

/** Body of `POST /auth/refresh`'s answer, and the part of login's that is the same. */
export interface TokenAnswer {
  /** Empty or absent in cookie mode. */
  readonly access_token?: string;
  readonly refresh_token?: string;
  /** Seconds. */
  readonly expires_in: number;
  readonly session?: Session;
  /** From the header X-CSRF-Token, for pages that cannot read the API's cookies. */
  readonly csrf_token?: string | null;
}

/** Body of `POST /auth/login`'s answer. */
export interface LoginAnswer extends TokenAnswer {
  readonly user?: User;
  readonly ended_sessions?: readonly Session[];
}

/** The calls that make, renew and end a session. They throw SessionError or NetworkError. */
export interface AuthApi {
  login(body: LoginBody, signal?: AbortSignal | null): Promise<LoginAnswer>;
  refresh(proof: Proof, signal?: AbortSignal): Promise<TokenAnswer>;
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

interface Call {
  readonly path: string;
  readonly body: object;
  readonly proof?: Proof;
  readonly signal?: AbortSignal | null | undefined;
  /** Lets the request outlive the page, as when the caller leaves for the login page. */
  readonly keepalive?: boolean;
}

/** Makes the calls for one API. */
export function createAuthApi(deps: AuthApiDeps): AuthApi {
  const { targets, credentials, timeoutMs } = deps;

  async function post({ path, body, proof, signal, keepalive = false }: Call) {
    const headers = new Headers({ "content-type": "application/json" });
    if (credentials.mode === "cookie") headers.set("x-session-mode", "cookie");
    credentials.apply(headers, "POST", proof ?? null);
    const cookies = credentials.cookies();
    const url = targets.api(path);
    const limit = startTimeLimit(timeoutMs, signal);
    try {
      const response = await deps.fetch(url, {
        method: "POST",
        headers,
        body: JSON.stringify({ ...body, language: deps.language() }),
        signal: limit.signal,
        keepalive,
        // The body holds tokens: they go to this URL or nowhere.
        redirect: "error",
        cache: "no-store",
        ...(cookies && { credentials: cookies }),
      });
      if (!response.ok) throw await readProblem(response);
      const answer: object | null = await response.json();
      return { ...answer, csrf_token: response.headers.get("x-csrf-token") };
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof Error && error.name === "SessionError") throw error;
      const what = limit.expired() ? `No answer within ${timeoutMs} ms` : "No answer of Curfew";
      throw new NetworkError(`${what} from ${url}`, { cause: error });
    } finally {
      limit.stop();
    }
  }

  function assertTokens<T extends TokenAnswer>(answer: object, path: string): T {
    const tokens = answer as T;
    const isComplete =
      typeof tokens.expires_in === "number" &&
      (credentials.mode === "cookie" || Boolean(tokens.access_token && tokens.refresh_token));
    if (isComplete) return tokens;
    throw new NetworkError(
      `The answer from ${targets.api(path)} has no tokens: it is not Curfew's`,
    );
  }

  return {
    async login(body, signal) {
      const path = "auth/login";
      return assertTokens<LoginAnswer>(await post({ path, body, signal }), path);
    },
    async refresh(proof, signal) {
      const path = "auth/refresh";
      const body = proof.refreshToken === null ? {} : { refresh_token: proof.refreshToken };
      const answer = await post({ path, body, proof: { ...proof, accessToken: null }, signal });
      return assertTokens<TokenAnswer>(answer, path);
    },
    async logout(proof) {
      const body = proof.accessToken === null ? {} : { access_token: proof.accessToken };
      await post({ path: "auth/logout", body, proof, keepalive: true });
    },
  };
}
