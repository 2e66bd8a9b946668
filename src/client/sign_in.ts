import type { AuthApi } from "./auth_api.js";
import { abortable, within } from "./cancellation.js";
import type { CookieOwner } from "./cookie_owner.js";
import type { LiveSession } from "./live_session.js";
import { LOGOUT_WAIT_MS, type PresentSession } from "./present_session.js";
import type { Session } from "./session.js";
import { isAnswer } from "./session_error.js";
import type { SessionSettings } from "./session_options.js";
import { storedFrom } from "./stored_from.js";
import type { UndeliveredLogouts } from "./undelivered_logouts.js";
import type { User } from "./user.js";

/** The data that a login returns besides the tokens, which stay with the manager. */
export interface LoginResult {
  readonly user: User | null;
  readonly session: Session | null;
  /** Sessions that the limit ended to make room for this one. */
  readonly endedSessions: readonly Session[];
}

/** The dependencies of a login. */
export interface SignInDeps extends Pick<SessionSettings, "credentials" | "deviceName"> {
  readonly api: AuthApi;
  readonly live: LiveSession;
  readonly owner: CookieOwner;
  readonly logouts: UndeliveredLogouts;
  readonly present: PresentSession;
}

/** Signs a user in; the manager's `login` documents the errors. */
export type SignIn = (
  username: string,
  password: string,
  signal: AbortSignal | null,
) => Promise<LoginResult>;

/** Makes the login of one page. */
export function createSignIn(deps: SignInDeps): SignIn {
  const { credentials, deviceName, api, live, owner, logouts, present } = deps;
  return async (username, password, signal) => {
    await abortable(present.open(), signal);
    // The session before is ended first, while the browser still has its cookies.
    if (credentials.mode === "cookie") {
      await abortable(within(LOGOUT_WAIT_MS, logouts.deliver()), signal);
    }
    const askedAt = Date.now();
    try {
      const answer = await api.login({ username, password, device_name: deviceName }, signal);
      await owner.assertKept(answer);
      const stored = storedFrom(answer, null, askedAt);
      const { user = null, ended_sessions: endedSessions = [] } = answer;
      await live.become(stored, { user });
      return { user, session: stored.session, endedSessions };
    } catch (error) {
      if (isAnswer(error)) live.show({ error });
      throw error;
    }
  };
}
