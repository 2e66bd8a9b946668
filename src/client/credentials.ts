import type { Proof } from "./stored_session.js";

/** Who carries the tokens: a header, or httpOnly cookies that no script can read. */
export type SessionMode = "bearer" | "cookie";

/** Puts the caller's proof on requests. */
export interface Credentials {
  readonly mode: SessionMode;
  /** Adds what a request of this method needs to count as the session's. */
  apply(headers: Headers, method: string, proof: Proof | null): void;
  /** What `fetch` is to do with cookies; undefined leaves it to the caller. */
  cookies(): RequestCredentials | undefined;
}

const isSafe = (method: string) => /^(GET|HEAD|OPTIONS|TRACE)$/i.test(method);

/** Makes the credentials of a mode; `csrfCookie` is read anew for each request. */
export function createCredentials(mode: SessionMode, csrfCookie: () => string | null): Credentials {
  if (mode === "bearer") {
    return {
      mode,
      apply(headers, _method, proof) {
        if (proof?.accessToken) headers.set("authorization", `Bearer ${proof.accessToken}`);
      },
      // The cookies of another session would contradict the header.
      cookies: () => (csrfCookie() === null ? undefined : "omit"),
    };
  }
  return {
    mode,
    apply(headers, method, proof) {
      const token = isSafe(method) ? null : (csrfCookie() ?? proof?.csrfToken);
      if (token) headers.set("x-csrf-token", token);
    },
    cookies: () => "include",
  };
}
