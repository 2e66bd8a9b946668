import { type ApiRequest, type ApiRequestInit, createApiRequest } from "./api_request.js";
import { type AuthApi, createAuthApi } from "./auth_api.js";
import { abortable, within } from "./cancellation.js";
import { type CookieOwner, createCookieOwner } from "./cookie_owner.js";
import { createEmitter } from "./emitter.js";
import { effectOf } from "./error_code.js";
import { createLiveSession, type LiveSession } from "./live_session.js";
import type { LogoutResult } from "./logout_result.js";
import { NetworkError } from "./network_error.js";
import { isProblem, readProblem } from "./problem.js";
import { createRefreshLock } from "./refresh_lock.js";
import { createRefresher, isCookieMismatch } from "./refresher.js";
import { createRequestTargets, type RequestTargets } from "./request_target.js";
import type { Session } from "./session.js";
import { localError, notSignedIn, SessionError } from "./session_error.js";
import type { SessionEventMap, SessionSnapshot } from "./session_events.js";
import {
  compileOptions,
  type SessionManagerOptions,
  type SessionSettings,
} from "./session_options.js";
import { storedFrom } from "./stored_from.js";
import { isPastTime, isSameSession, type StoredSession } from "./stored_session.js";
import { createUndeliveredLogouts, type UndeliveredLogouts } from "./undelivered_logouts.js";
import type { User } from "./user.js";

/** A login and a page's start wait no longer than this for a logout to be delivered. */
const LOGOUT_WAIT_MS = 5000;
/** How often an answer 401 without a code of ours may be a reason to refresh. */
const HINT_EVERY_MS = 60_000;

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
  readonly #refresh: (stale: StoredSession, isBackground: boolean) => Promise<void>;
  readonly #owner: CookieOwner;
  readonly #logouts: UndeliveredLogouts;
  readonly #events = createEmitter<SessionEventMap>();
  #opening: Promise<void> | null = null;
  #profile: { readonly lifetime: AbortSignal; readonly user: Promise<User> } | null = null;
  #lastHint = 0;

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
    const api = createAuthApi({ targets, credentials, fetch, language, timeoutMs });
    this.#api = api;
    this.#logouts = createUndeliveredLogouts(api, tokens, (result) =>
      this.#events.emit("delivered", result),
    );
    const live = createLiveSession({
      settings,
      name,
      events: this.#events,
      refresh: () => this.#refreshAhead(),
      onInactive: () => void this.#endForInactivity(),
      onWake: () => void this.#catchUp(),
    });
    this.#live = live;
    const owner = createCookieOwner({ api, credentials, live });
    this.#owner = owner;
    const refresh = createRefresher({
      host: live,
      api,
      tokens,
      lock: createRefreshLock(name, settings.locks),
      owner,
    });
    this.#refresh = (stale, isBackground) =>
      refresh(stale, isBackground).catch((error) => {
        // An answer that was lost held new tokens, which only a soon attempt gets again.
        live.refreshFailed(error);
        throw error;
      });
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
    void this.#open();
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
    await abortable(this.#open(), signal);
    const { deviceName, credentials } = this.#settings;
    // The session before is ended first, while the browser still has its cookies.
    if (credentials.mode === "cookie") {
      await abortable(within(LOGOUT_WAIT_MS, this.#logouts.deliver()), signal);
    }
    const askedAt = Date.now();
    const body = { username, password, ...(deviceName && { device_name: deviceName }) };
    try {
      const { user = null, ended_sessions = [], ...answer } = await this.#api.login(body, signal);
      await this.#owner.assertKept(answer);
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
    await abortable(this.#refresh(stale, false), signal);
  }

  /**
   * Signs out: here at once, in the other tabs and on the server. Never
   * rejects; the result says whether the server has confirmed it. A logout that
   * does not reach the server is kept and tried again (see `delivered`).
   */
  async logout(): Promise<LogoutResult> {
    await this.#live.open();
    const stored = this.#live.current();
    if (stored !== null) {
      await this.#logouts.add(stored);
      await this.#live.forget();
    }
    return this.#logouts.deliver();
  }

  /**
   * In cookie mode, asks the server whose session the browser's cookies are of,
   * and takes it over: where another application has signed in, or the page's
   * storage was cleared. A page that sees the cookie `__Host-csrf` does so by itself.
   *
   * Resolves to whether somebody is signed in. Throws NetworkError when nobody answers.
   */
  async adoptSession(): Promise<boolean> {
    await this.#live.open();
    if (this.#settings.credentials.mode === "cookie") {
      await this.#owner.reconcile(this.#live.current()).catch((error) => {
        if (error instanceof NetworkError) throw error;
      });
    }
    return this.isAuthenticated;
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
   * there, when the browser's cookies have become somebody else's
   * (`session_changed`), or the URL is not the API's or an allowed origin's;
   * NetworkError when nobody answers; the signal's reason when aborted.
   */
  async apiRequest(url: string | URL | Request, options: ApiRequestInit = {}): Promise<Response> {
    const { credentials, fetch } = this.#settings;
    const request = createApiRequest({ targets: this.#targets, credentials, fetch }, url, options);
    let used = await this.#present();
    if (!request.isBackground) this.#live.touch();
    if (isPastTime(used) && !this.#live.isRefreshFutile())
      used = await this.#renewed(used, request);

    const response = await request.send(used);
    const newer = await this.#judge(response, used, request);
    if (newer === null || !request.isRepeatable) return response;

    await response.body?.cancel();
    const second = await request.send(newer);
    await this.#judge(second, newer, null);
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
    if (this.#live.isInactive()) void this.#endForInactivity();
    else this.#live.touch();
  }

  /** When inactivity will sign the user out, in ms since the epoch; null while no timer runs. */
  get inactivityDeadline(): number | null {
    return this.#live.inactivityDeadline();
  }

  /** Stops timers and the line to other tabs. The session stays; the next call starts them again. */
  close(): void {
    this.#live.close();
    this.#logouts.stop();
    this.#opening = null;
  }

  /** Opens the session; before anything else it delivers logouts, and asks for the session of cookies. */
  #open(): Promise<void> {
    this.#opening ??= (async () => {
      await this.#live.open();
      if (this.#live.current() === null) await within(LOGOUT_WAIT_MS, this.#catchUp());
      else void this.#logouts.deliver();
    })();
    return this.#opening;
  }

  async #catchUp(): Promise<void> {
    const { willRetry } = await this.#logouts.deliver();
    const current = this.#live.current();
    const isDoubtful =
      current === null
        ? !willRetry && this.#owner.isUnknown()
        : this.#owner.isContradicted(current);
    // What fails is in the snapshot, and the next call meets it again.
    if (isDoubtful) await this.#owner.reconcile(current).catch(() => undefined);
    else this.#live.settle(null);
  }

  async #present(): Promise<StoredSession> {
    await this.#open();
    const stored = this.#live.current();
    if (stored === null) throw notSignedIn();
    if (this.#live.isInactive()) throw await this.#endForInactivity();
    return this.#owner.isContradicted(stored) ? this.#owner.reconcile(stored) : stored;
  }

  /** Waits for newer tokens than `stale`, of the same session: nobody acts in another's name. */
  async #renewed(stale: StoredSession, request: ApiRequest): Promise<StoredSession> {
    await abortable(this.#refresh(stale, request.isBackground), request.signal);
    const current = this.#live.current();
    if (current === null || !isSameSession(current, stale)) throw notSignedIn();
    return current;
  }

  /**
   * What an answer says of the session: the tokens to repeat the request with,
   * null if it is to be returned. Throws when the session is over, or the
   * cookies are somebody else's.
   */
  async #judge(
    response: Response,
    used: StoredSession,
    request: ApiRequest | null,
  ): Promise<StoredSession | null> {
    const isCookie = this.#settings.credentials.mode === "cookie";
    const owner = response.headers.get("x-session-id");
    if (isCookie && owner !== null && owner !== used.id) {
      await this.#owner.reconcile(used);
      return null;
    }
    if (!isProblem(response) && response.status !== 401) return null;
    const problem = await readProblem(response);
    const effect = effectOf(problem.code);
    if (problem instanceof SessionError && effect === "ends") {
      await this.#live.end(problem, used);
      const current = this.#live.current();
      // An answer to a session of before says nothing about the present one.
      if (current !== null && !isSameSession(current, used)) return null;
      throw problem;
    }
    if (request === null) return null;
    if (isCookie && isCookieMismatch(problem)) return this.#owner.reconcile(used);
    if (effect !== "refreshes" && !(effect === undefined && this.#takesHint(response))) return null;
    return this.#live.isRefreshFutile() ? null : this.#renewed(used, request);
  }

  /** A 401 of somebody else may be about the token. It may as well come from a proxy that repeats it for ever. */
  #takesHint({ status }: Response): boolean {
    const now = Date.now();
    if (status !== 401 || Math.abs(now - this.#lastHint) < HINT_EVERY_MS) return false;
    this.#lastHint = now;
    return true;
  }

  async #refreshAhead(): Promise<void> {
    const stale = this.#live.current();
    if (stale !== null) await this.#refresh(stale, !this.#live.isUsed());
  }

  async #endForInactivity(): Promise<SessionError> {
    const error = localError(
      "session_inactivity_timeout",
      "Signed out because nothing was done for a while",
    );
    const stored = this.#live.current();
    if (stored === null) return error;
    await this.#logouts.add(stored);
    await this.#live.end(error, stored);
    void this.#logouts.deliver();
    return error;
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
