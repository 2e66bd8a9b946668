/** Who carries the tokens: a header, or httpOnly cookies that no script can read. */
export type SessionMode = "bearer" | "cookie";

/** Puts the caller's proof on requests. */
export interface Credentials {
  readonly mode: SessionMode;
  /** Adds what a request of this method needs to count as the session's. */
  apply(headers: Headers, method: string, accessToken: string | null): void;
  /** What `fetch` is to do with cookies; undefined leaves it to the caller. */
  readonly cookies: RequestCredentials | undefined;
}

const isSafe = (method: string) => /^(GET|HEAD|OPTIONS|TRACE)$/i.test(method);

/** Makes the credentials of a mode; `csrfToken` is read anew for each request. */
export function createCredentials(mode: SessionMode, csrfToken: () => string | null): Credentials {
  if (mode === "bearer") {
    return {
      mode,
      cookies: undefined,
      apply(headers, _method, accessToken) {
        if (accessToken) headers.set("authorization", `Bearer ${accessToken}`);
      },
    };
  }
  return {
    mode,
    cookies: "include",
    apply(headers, method) {
      const token = isSafe(method) ? null : csrfToken();
      if (token) headers.set("x-csrf-token", token);
    },
  };
}
