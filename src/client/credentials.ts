import type { Proof } from "./stored_session.js";

/** The carrier of the tokens: a header, or httpOnly cookies that no script can read. */
export type SessionMode = "bearer" | "cookie";

/** Puts the caller's proof on requests. */
export interface Credentials {
  readonly mode: SessionMode;
  /**
   * Adds the parts by which a request of this method counts as the session's.
   *
   * @param isOwn whether the target takes headers of Curfew's own
   * @param isBackground whether no user has caused the request
   */
  apply(
    headers: Headers,
    method: string,
    proof: Proof,
    isOwn: boolean,
    isBackground: boolean,
  ): void;
  /** What `fetch` is to do with cookies; undefined leaves it to the caller. */
  cookies(): { readonly credentials: RequestCredentials } | undefined;
  /** The browser's own anti-forgery token, if the page sees it; null in bearer mode. */
  csrf(): string | null;
}

/** Makes the credentials of a mode; `csrfCookie` is read anew for each request. */
export function createCredentials(mode: SessionMode, csrfCookie: () => string | null): Credentials {
  const isCookie = mode === "cookie";
  return {
    mode,
    apply(headers, method, { id, accessToken, csrfToken }, isOwn, isBackground) {
      const set = (name: string, value: string | null | false) => {
        if (value) headers.set(name, value);
      };
      set("x-skip-activity", isOwn && isBackground && "true");
      if (!isCookie) return set("authorization", accessToken && `Bearer ${accessToken}`);
      // Refused where the cookies are of another session: they belong to the browser.
      set("x-session-id", isOwn && id);
      const isSafe = /^(GET|HEAD|OPTIONS|TRACE)$/i.test(method);
      set("x-csrf-token", !isSafe && (csrfCookie() ?? csrfToken));
    },
    cookies() {
      if (isCookie) return { credentials: "include" };
      // The cookies of another session would contradict the header.
      return csrfCookie() === null ? undefined : { credentials: "omit" };
    },
    csrf: () => (isCookie ? csrfCookie() : null),
  };
}
