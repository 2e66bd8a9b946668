/** Space and tab are all that may surround a cookie: `\s` would take U+00A0 off a foreign name. */
const COOKIE = /(?:^|;)[ \t]*__Host-csrf[ \t]*=[ \t]*([^;]*?)[ \t]*(?:;|$)/;

/** The anti-forgery token from a `document.cookie` text; null when the API set none here. */
export const csrfTokenFrom = (cookies: string): string | null => COOKIE.exec(cookies)?.[1] ?? null;

/** The page's anti-forgery token; null outside a page, and in a frame that may read no cookies. */
export const readCsrfToken = (): string | null => {
  try {
    return csrfTokenFrom(globalThis.document?.cookie ?? "");
  } catch {
    return null;
  }
};
