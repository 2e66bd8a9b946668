import { type ApiRequest, type ApiRequestInit, createApiRequest } from "./api_request.js";
import { type AuthApi, createAuthApi } from "./auth_api.js";
import { abortable } from "./cancellation.js";
import { createEmitter } from "./emitter.js";
import { effectOf } from "./error_code.js";
import { createLiveSession, type LiveSession } from "./live_session.js";
import { NetworkError } from "./network_error.js";
import { readProblem } from "./problem.js";
import { createRefreshLock } from "./refresh_lock.js";
import { createRefresher, storedFrom } from "./refresher.js";
import { createRequestTargets, type RequestTargets } from "./request_target.js";
import type { Session } from "./session.js";
import { notSignedIn, SessionError } from "./session_error.js";
import type { SessionEventMap, SessionSnapshot } from "./session_events.js";
import {
  compileOptions,
  type SessionManagerOptions,
  type SessionSettings,
} from "./session_options.js";
import { CONFIRMED, type LogoutResult, signOut } from "./sign_out.js";
import { isPastTime, isSameSession, type StoredSession } from "./stored_session.js";
import type { User } from "./user.js";

/** What a login tells besides the tokens, which stay with the manager. */
export interface LoginResult {
  readonly user: User | null;
  readonly session: Session | null;
  /** Sessions that the limit ended to make room for this one. */
  readonly endedSessions: readonly Session[];
}

/** Lets a caller stop waiting. */
export interface CallOptions {
  readonly signal?: AbortSignal | null;
}

/**
 * The session of this browser: signs in and out, keeps the tokens fresh and in
 * step over all tabs, and puts them on requests. Errors are SessionError (Curfew
 * said no) or NetworkError (nobody answered, which never signs anybody out).
 *
 * Making one does nothing; timers and the line to other tabs start with the
 * first call or listener and stop with `close`.
 */
export class SessionManager {
  readonly #settings: SessionSettings;
  readonly #targets: RequestTargets;
  readonly #api: AuthApi;
  readonly #live: LiveSession;
  readonly #refresh: (stale: StoredSession) => Promise<void>;
  readonly #events = createEmitter<SessionEventMap>();
  #leaving: Promise<LogoutResult> | null = null;
  #profile: { readonly lifetime: AbortSignal; readonly user: Promise<User> } | null = null;

  /**
   * @param apiBaseUrl where the API is, for example `/api/v1`; relative to the page, absolute outside one
   * @throws RangeError for a timeout, TypeError for an allowed origin that is none
   */
  constructor(apiBaseUrl: string, options: SessionManagerOptions = {}) {
    const settings = compileOptions(options);
    const { credentials, fetch, language, tokens } = settings;
    const timeoutMs = settings.requestTimeoutMs;
    const name = `curfew:${apiBaseUrl}`;
    this.#settings = settings;
    this.#targets = createRequestTargets(apiBaseUrl, settings.allowedOrigins);
    const targets = this.#targets;
    this.#api = createAuthApi({ targets, credentials, fetch, language, timeoutMs });
    this.#live = createLiveSession({
      settings,
      name,
      events: this.#events,
      refresh: () => this.#refreshAhead(),
      onInactive: () => void this.#endForInactivity(),
    });
    const lock = createRefreshLock(name, settings.locks);
    this.#refresh = createRefresher({ host: this.#live, api: this.#api, tokens, lock });
  }

  /** Whether there is a session here, as far as is known without asking the server. */
  get isAuthenticated(): boolean {
    return this.#live.current() !== null;
  }

  /** The present state; the same object until something changes. */
  readonly getSnapshot = (): SessionSnapshot => this.#live.snapshot();

  /** Calls back at each change. Returns the function that stops it. */
  readonly subscribe = (listener: () => void): (() => void) => this.on("change", listener);

  /** Listens to one kind of event. Returns the function that stops it. */
  on<Type extends keyof SessionEventMap>(
    type: Type,
    listener: (event: SessionEventMap[Type]) => void,
  ): () => void {
    const stop = this.#events.on(type, listener);
    void this.#live.open();
    return stop;
  }

  /**
   * Signs in. Codes: `invalid_credentials`, `user_inactive`,
   * `session_limit_exceeded`, `too_many_attempts` (with `retryAfter`).
   */
  async login(
    username: string,
    password: string,
    { signal = null }: CallOptions = {},
  ): Promise<LoginResult> {
    await this.#live.open();
    const { deviceName, credentials } = this.#settings;
    // The answer to a logout takes the cookies away: those of the next session, if it is late.
    if (credentials.mode === "cookie") await abortable(Promise.resolve(this.#leaving), signal);
    const askedAt = Date.now();
    const body = { username, password, ...(deviceName && { device_name: deviceName }) };
    try {
      const { user = null, ended_sessions = [], ...answer } = await this.#api.login(body, signal);
      const stored = storedFrom(answer, null, askedAt);
      await this.#live.login(stored, user);
      return { user, session: stored.session, endedSessions: ended_sessions };
    } catch (error) {
      this.#showError(error);
      throw error;
    }
  }

  /**
   * Gets new tokens. One exchange at a time over all tabs: a call during
   * another's, or after another tab's, uses its tokens. Counts as the user
   * being there. Ends the session here when the server says that it is over.
   */
  async refreshTokens({ signal = null }: CallOptions = {}): Promise<void> {
    const stale = await this.#present();
    this.#live.touch();
    await abortable(this.#refresh(stale), signal);
  }

  /**
   * Signs out: here at once, in the other tabs and on the server. Never
   * rejects; the result says whether the server has confirmed it.
   */
  async logout(): Promise<LogoutResult> {
    await this.#live.open();
    const stored = this.#live.current();
    if (stored === null) return CONFIRMED;
    await this.#live.forget();
    return this.#leave(stored);
  }

  /** Forgets the tokens, here and in the other tabs, and leaves the session on the server alone. */
  clearTokens(): void {
    const opened = this.#live.open();
    void this.#live.forget();
    // An asynchronous store is read only now.
    void opened.then(() => this.#live.forget());
  }

  /**
   * `fetch` with the session's credentials. An expired access token is
   * refreshed, before or after the call, and the request repeated once unless
   * its body is a stream. Any other answer is returned as it is.
   *
   * Throws SessionError when the session is over (and ends it here) or is not
   * there, or the URL is not the API's or an allowed origin's; NetworkError
   * when nobody answers; the signal's reason when aborted.
   */
  async apiRequest(url: string | URL | Request, options: ApiRequestInit = {}): Promise<Response> {
    const { credentials, fetch } = this.#settings;
    const request = createApiRequest({ targets: this.#targets, credentials, fetch }, url, options);
    let used = await this.#present();
    if (!options.background) this.#live.touch();
    if (isPastTime(used)) used = await this.#renewed(used, request);

    const response = await request.send(used);
    if (!(await this.#needsRefresh(response, used))) return response;
    const renewed = await this.#renewed(used, request);
    if (!request.isRepeatable) return response;

    await response.body?.cancel();
    const second = await request.send(renewed);
    await this.#needsRefresh(second, renewed);
    return second;
  }

  /** Asks for the signed-in user and shows it in the snapshot. Calls at one time share a request. */
  loadProfile(): Promise<User> {
    const lifetime = this.#live.lifetime();
    if (this.#profile?.lifetime === lifetime) return this.#profile.user;
    const user = this.#askForProfile().finally(() => {
      if (this.#profile?.user === user) this.#profile = null;
    });
    this.#profile = { lifetime, user };
    return user;
  }

  /** Starts the inactivity timer anew. Runs by itself from login to the session's end. */
  startInactivityTimer(): void {
    this.#live.startInactivityTimer();
  }

  /** Stops the inactivity timer until the next login; the server's own stays. */
  stopInactivityTimer(): void {
    this.#live.stopInactivityTimer();
  }

  /** Tells that the user is there, as every `apiRequest` does. Only for this browser's timer. */
  recordActivity(): void {
    this.#live.touch();
  }

  /** When inactivity will sign the user out, in ms since the epoch; null while no timer runs. */
  get inactivityDeadline(): number | null {
    return this.#live.inactivityDeadline();
  }

  /** Stops timers and the line to other tabs. The session stays; the next call starts them again. */
  close(): void {
    this.#live.close();
  }

  async #present(): Promise<StoredSession> {
    await this.#live.open();
    const stored = this.#live.current();
    if (stored === null) throw notSignedIn();
    return stored;
  }

  /** Waits for newer tokens than `stale`, of the same session: nobody acts in another's name. */
  async #renewed(stale: StoredSession, request: ApiRequest): Promise<StoredSession> {
    await abortable(this.#refresh(stale), request.signal);
    const current = this.#live.current();
    if (current === null || !isSameSession(current, stale)) throw notSignedIn();
    return current;
  }

  /** Whether the answer asks for another token. Throws when it says that the session is over. */
  async #needsRefresh(response: Response, used: StoredSession): Promise<boolean> {
    if (response.status !== 401) return false;
    const problem = await readProblem(response);
    const effect = effectOf(problem.code);
    if (effect !== "ends") return effect === "refreshes";
    await this.#live.end(problem, used);
    const current = this.#live.current();
    // An answer to a session of before says nothing about the present one.
    if (current !== null && !isSameSession(current, used)) return false;
    throw problem;
  }

  async #refreshAhead(): Promise<void> {
    const stale = this.#live.current();
    if (stale !== null) await this.#refresh(stale);
  }

  async #endForInactivity(): Promise<void> {
    const stored = this.#live.current();
    if (stored === null) return;
    const detail = "Signed out because nothing was done for a while";
    const code = "session_inactivity_timeout";
    await this.#live.end(new SessionError({ code, status: 401, detail }), stored);
    await this.#leave(stored);
  }

  #leave(stored: StoredSession): Promise<LogoutResult> {
    const left = signOut(this.#api, stored);
    this.#leaving = left;
    return left;
  }

  async #askForProfile(): Promise<User> {
    const asked = await this.#present();
    try {
      const url = this.#targets.api("auth/profile");
      const response = await this.apiRequest(url, { background: true });
      if (!response.ok) throw await readProblem(response);
      const user: User = await response.json();
      const current = this.#live.current();
      if (current !== null && isSameSession(current, asked)) this.#live.show({ user, error: null });
      return user;
    } catch (error) {
      if (this.isAuthenticated) this.#showError(error);
      throw error;
    }
  }

  #showError(error: unknown): void {
    if (error instanceof SessionError || error instanceof NetworkError) this.#live.show({ error });
  }
}
