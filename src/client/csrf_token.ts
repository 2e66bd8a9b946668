const COOKIE = "__Host-csrf";

/** Space and tab are all that may surround a cookie: `trim` would take U+00A0 off a foreign name. */
const strip = (text: string) => text.replace(/^[ \t]+|[ \t]+$/g, "");

/** The anti-forgery token from a `document.cookie` text; null when the API set none here. */
export function csrfTokenFrom(cookies: string): string | null {
  for (const pair of cookies.split(";")) {
    const separator = pair.indexOf("=");
    if (strip(pair.slice(0, separator)) === COOKIE) return strip(pair.slice(separator + 1));
  }
  return null;
}

/** The page's anti-forgery token; null outside a page, and in a frame that may read no cookies. */
export const readCsrfToken = (): string | null => {
  try {
    return csrfTokenFrom(globalThis.document?.cookie ?? "");
  } catch {
    return null;
  }
};
