import { type ApiRequestDeps, type ApiRequestInit, createApiRequest } from "./api_request.js";
import { abortable } from "./cancellation.js";
import type { CookieOwner } from "./cookie_owner.js";
import { effectOf } from "./error_code.js";
import type { LiveSession } from "./live_session.js";
import type { PresentSession } from "./present_session.js";
import { isProblem, readProblem } from "./problem.js";
import { isCookieMismatch, type Refresh } from "./refresher.js";
import { codeOf, notSignedIn, SessionError } from "./session_error.js";
import { isPastTime, isSameSession, type StoredSession } from "./stored_session.js";

/** How often an answer 401 without a code of ours may be a reason to refresh. */
const HINT_EVERY_MS = 60_000;

/** What requests with the session need. */
export interface SessionRequestsDeps extends ApiRequestDeps {
  readonly live: LiveSession;
  readonly present: PresentSession;
  readonly owner: CookieOwner;
  readonly refresh: Refresh;
}

/** `fetch` with the session's credentials; see the manager's `apiRequest`. */
export type SessionRequests = (
  url: string | URL | Request,
  init: ApiRequestInit,
) => Promise<Response>;

/** Makes requests that refresh, repeat themselves once, and notice when the session is over. */
export function createSessionRequests(deps: SessionRequestsDeps): SessionRequests {
  const { credentials, live, owner } = deps;
  let lastHint = 0;

  /** A 401 of another server may concern the token. It may also come from a proxy that repeats it for ever. */
  function takesHint({ status }: Response): boolean {
    const now = Date.now();
    if (status !== 401 || Math.abs(now - lastHint) < HINT_EVERY_MS) return false;
    lastHint = now;
    return true;
  }

  /**
   * Judges the session by a response. Returns the tokens to repeat the request with, or null if the response is to be
   * returned. Throws when the session is over or the cookies belong to another user.
   *
   * @param renew gets newer tokens; null when the request is not to be repeated
   */
  async function judge(
    response: Response,
    used: StoredSession,
    renew: (() => Promise<StoredSession>) | null,
  ): Promise<StoredSession | null> {
    const isCookie = credentials.mode === "cookie";
    const answeredFor = response.headers.get("x-session-id");
    if (isCookie && answeredFor !== null && answeredFor !== used.id) {
      await owner.reconcile(used);
      return null;
    }
    if (!isProblem(response) && response.status !== 401) return null;
    const problem = await readProblem(response);
    const effect = effectOf(codeOf(problem));
    if (problem instanceof SessionError && effect === "ends") {
      await live.end(problem, used);
      const current = live.current();
      // An answer to a session of before says nothing about the present one.
      if (current !== null && !isSameSession(current, used)) return null;
      throw problem;
    }
    if (renew === null) return null;
    if (isCookie && isCookieMismatch(problem)) return owner.reconcile(used);
    const isStale = effect === "refreshes" || (effect === undefined && takesHint(response));
    return isStale && !live.schedule.isFutile() ? renew() : null;
  }

  return async (url, init) => {
    const request = createApiRequest(deps, url, init);
    let used = await deps.present.get();
    if (!request.isBackground) live.touch();

    /** Waits for newer tokens of the same session: no request is repeated in another user's name. */
    const renew = async (): Promise<StoredSession> => {
      await abortable(deps.refresh(used, request.isBackground), request.signal);
      const current = live.current();
      if (current === null || !isSameSession(current, used)) throw notSignedIn();
      return current;
    };
    if (isPastTime(used) && !live.schedule.isFutile()) used = await renew();

    // The page acts as the user whom it shows at this moment.
    used = live.current() ?? used;
    const response = await request.send(used);
    const newer = await judge(response, used, renew);
    if (newer === null || !request.isRepeatable) return response;

    await response.body?.cancel();
    const second = await request.send(newer);
    await judge(second, newer, null);
    return second;
  };
}
