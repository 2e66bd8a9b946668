const COOKIE = "__Host-csrf";

/** The anti-forgery token from a `document.cookie` text; null when the API set none here. */
export function csrfTokenFrom(cookies: string): string | null {
  for (const pair of cookies.split(";")) {
    const separator = pair.indexOf("=");
    if (pair.slice(0, separator).trim() === COOKIE) return pair.slice(separator + 1).trim();
  }
  return null;
}

/** The page's anti-forgery token; null outside a page. */
export const readCsrfToken = (): string | null => csrfTokenFrom(globalThis.document?.cookie ?? "");
