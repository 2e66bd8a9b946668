import type { SessionManager } from "./session_manager.js";

/** The actions of the application when a session is over. */
export interface SessionErrorActions {
  /** Leaves for the login page; the path says why in its `message` parameter. */
  redirect(path: string): void;
  /** Shows a text to the user. */
  notify(text: string): void;
}

const messageFor: Readonly<Record<string, string>> = {
  session_inactivity_timeout: "session_expired",
  session_expired: "session_expired",
  session_revoked_or_invalid: "session_revoked",
  refresh_token_invalid: "session_revoked",
  refresh_token_reused: "session_revoked",
  access_token_blacklisted: "token_revoked",
  user_inactive: "user_inactive",
};

const TOO_MANY = "Signed in on too many devices: sign out on one";

/** Converts errors of a session to messages for the user. */
export const SessionErrorHandler = {
  /**
   * Signs out and goes to `/login?message=…` when the error says that the
   * session is over: `session_expired` (idle or at its maximum),
   * `session_revoked`, `token_revoked` or `user_inactive`. Shows a message for
   * `session_limit_exceeded`. Leaves every other error alone: an outage is no
   * reason to sign out.
   *
   * @param error anything that was thrown, or a problem body with a `code`
   * @param actions what to do instead of the browser's redirect and alert
   * @returns whether the error was one of these
   */
  handleError(
    error: unknown,
    sessionManager: Pick<SessionManager, "logout">,
    {
      redirect = (path) => {
        window.location.href = path;
      },
      notify = (text) => window.alert(text),
    }: Partial<SessionErrorActions> = {},
  ): boolean {
    const { code, detail } = (error ?? {}) as {
      readonly code?: unknown;
      readonly detail?: unknown;
    };
    if (code === "session_limit_exceeded") {
      notify(typeof detail === "string" ? detail : TOO_MANY);
      return true;
    }
    if (!Object.hasOwn(messageFor, String(code))) return false;
    // The local part is done at once; the request outlives the page.
    void sessionManager.logout();
    redirect(`/login?message=${messageFor[String(code)]}`);
    return true;
  },
};
