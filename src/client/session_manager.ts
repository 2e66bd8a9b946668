import type { ApiRequestInit } from "./api_request.js";
import { createAuthApi } from "./auth_api.js";
import { abortable } from "./cancellation.js";
import { createCookieOwner } from "./cookie_owner.js";
import { createEmitter } from "./emitter.js";
import { createLiveSession, type LiveSession } from "./live_session.js";
import type { LogoutResult } from "./logout_result.js";
import { createPresentSession, type PresentSession } from "./present_session.js";
import { createRefreshLock } from "./refresh_lock.js";
import { createRefresher, type Refresh } from "./refresher.js";
import { createRequestTargets } from "./request_target.js";
import type { SessionEventMap, SessionSnapshot } from "./session_events.js";
import { compileOptions, type SessionManagerOptions } from "./session_options.js";
import { createSessionRequests, type SessionRequests } from "./session_requests.js";
import { createSignIn, type LoginResult, type SignIn } from "./sign_in.js";
import { createUndeliveredLogouts, type UndeliveredLogouts } from "./undelivered_logouts.js";
import type { User } from "./user.js";
import { createUserProfile } from "./user_profile.js";

/** Lets a caller stop waiting. */
export interface CallOptions {
  readonly signal?: AbortSignal | null;
}

/**
 * The session of this browser: signs in and out, keeps the tokens fresh and in step over all tabs, and adds them to
 * requests. Errors are SessionError (Curfew refused) or NetworkError (no answer, which never signs a user out).
 *
 * Making one does nothing; timers and the line to other tabs start with the
 * first call or listener and stop with `close`.
 */
export class SessionManager {
  readonly #live: LiveSession;
  readonly #logouts: UndeliveredLogouts;
  readonly #present: PresentSession;
  readonly #refresh: Refresh;
  readonly #request: SessionRequests;
  readonly #signIn: SignIn;
  readonly #events = createEmitter<SessionEventMap>();

  /** Requests the signed-in user and shows it in the snapshot. Concurrent calls share a request. */
  readonly loadProfile: () => Promise<User>;

  /**
   * @param apiBaseUrl where the API is, for example `/api/v1`; relative to the page, absolute outside one
   * @throws RangeError for a timeout, TypeError for an allowed origin that is none
   */
  constructor(apiBaseUrl: string, options: SessionManagerOptions = {}) {
    const settings = compileOptions(options);
    const { tokens } = settings;
    const events = this.#events;
    const name = `curfew:${apiBaseUrl}`;
    const targets = createRequestTargets(apiBaseUrl, settings.allowedOrigins);
    const api = createAuthApi({ ...settings, targets });
    const logouts = createUndeliveredLogouts(api, tokens, (result) =>
      events.emit("delivered", result),
    );
    const live: LiveSession = createLiveSession({
      settings,
      name,
      events,
      refresh: (stale, isBackground) => void refresh(stale, isBackground).catch(() => undefined),
      onInactive: () => void present.endForInactivity(),
      onWake: () => void present.catchUp(),
    });
    const owner = createCookieOwner({ ...settings, api, live });
    const present = createPresentSession({ ...settings, live, owner, logouts });
    const lock = createRefreshLock(name, settings.locks);
    const refresh = createRefresher({ live, api, tokens, lock, owner });
    const request = createSessionRequests({ ...settings, targets, live, present, owner, refresh });
    this.#live = live;
    this.#logouts = logouts;
    this.#present = present;
    this.#refresh = refresh;
    this.#request = request;
    this.#signIn = createSignIn({ ...settings, api, live, owner, logouts, present });
    this.loadProfile = createUserProfile(live, () =>
      request(targets.api("auth/profile"), { background: true }),
    );
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
    void this.#present.open();
    return stop;
  }

  /**
   * Signs in. Codes: `invalid_credentials`, `user_inactive`,
   * `session_limit_exceeded`, `too_many_attempts` (with `retryAfter`).
   */
  login(
    username: string,
    password: string,
    { signal = null }: CallOptions = {},
  ): Promise<LoginResult> {
    return this.#signIn(username, password, signal);
  }

  /**
   * Gets new tokens. One exchange at a time over all tabs: a call during
   * another's, or after another tab's, uses its tokens. Counts as the user
   * being there. Ends the session here when the server says that it is over.
   */
  async refreshTokens({ signal = null }: CallOptions = {}): Promise<void> {
    const stale = await this.#present.get();
    this.#live.touch();
    await abortable(this.#refresh(stale, false), signal);
  }

  /**
   * Signs out: here at once, in the other tabs and on the server. Never
   * rejects; the result says whether the server has confirmed it. A logout that
   * does not reach the server is kept and tried again (see `delivered`).
   */
  async logout(): Promise<LogoutResult> {
    const shown = this.#live.current();
    await this.#live.open();
    // A storage that was cleared meanwhile is no sign that the server knows.
    const stored = this.#live.current() ?? shown;
    if (stored !== null) {
      await this.#logouts.add(stored);
      await this.#live.forget();
    }
    return this.#logouts.deliver(stored?.id);
  }

  /**
   * In cookie mode, asks the server whose session the browser's cookies belong to, and takes it over: for example when
   * another application has signed in, or the page's storage was cleared. A page that sees the cookie `__Host-csrf`
   * does so automatically.
   *
   * Resolves to whether a user is signed in. Throws NetworkError when there is no answer.
   */
  async adoptSession(): Promise<boolean> {
    await this.#present.adopt();
    return this.isAuthenticated;
  }

  /** Forgets the tokens, here and in the other tabs, and leaves the session on the server alone. */
  clearTokens(): void {
    void this.#live.forget();
    // An asynchronous store is read only now.
    void this.#live.open().then(this.#live.forget);
  }

  /**
   * `fetch` with the session's credentials. An expired access token is
   * refreshed, before or after the call, and the request repeated once unless
   * its body is a stream. Any other answer is returned as it is.
   *
   * Throws SessionError when the session is over (and ends it here) or is not there, when the browser's cookies belong
   * to another user (`session_changed`), or the URL is not the API's or an allowed origin's; NetworkError when there is
   * no answer; the signal's reason when aborted.
   */
  apiRequest(url: string | URL | Request, options: ApiRequestInit = {}): Promise<Response> {
    return this.#request(url, options);
  }

  /** Starts the inactivity timer again. It runs automatically from login to the session's end. */
  startInactivityTimer(): void {
    this.#live.startInactivityTimer();
  }

  /** Stops the inactivity timer until the next login; the server's own stays. */
  stopInactivityTimer(): void {
    this.#live.inactivity.stop();
  }

  /** Reports that the user is active, as every `apiRequest` does. Affects only the timer of this browser. */
  recordActivity(): void {
    if (this.#live.inactivity.isDue()) void this.#present.endForInactivity();
    else this.#live.touch();
  }

  /** When inactivity will sign the user out, in ms since the epoch; null while no timer runs. */
  get inactivityDeadline(): number | null {
    return this.#live.inactivity.deadline();
  }

  /** Stops timers and the line to other tabs. The session stays; the next call starts them again. */
  close(): void {
    this.#live.close();
    this.#logouts.stop();
    this.#present.close();
  }
}
