import { localError } from "./session_error.js";

/** Says where a request goes, and refuses to send credentials to strangers. */
export interface RequestTargets {
  /** The URL of a path of the API, such as `auth/login`. */
  api(path: string): string;
  /**
   * The full URL of an application's request. A relative one is taken as
   * `fetch` takes it when the API is on the page's origin, else from the API's
   * base. Throws SessionError `origin_not_allowed` for any origin but the
   * API's and the allowed ones.
   */
  resolve(url: string | URL): string;
  /**
   * Whether a target takes headers of Curfew's own: it is below the API's base,
   * or of the page's origin. Others may have to list them for CORS first.
   */
  isOwn(url: string): boolean;
}

const pageUrl = (): string | undefined => globalThis.document?.baseURI ?? globalThis.location?.href;

/** Throws TypeError with the advice for a text that is no http(s) URL. */
function parseUrl(text: string, advice: string, page?: string): URL {
  const url = URL.canParse(text, page) ? new URL(text, page) : null;
  if (url && /^https?:$/.test(url.protocol)) return url;
  throw new TypeError(advice);
}

/** Makes the rules for one API. The base is resolved late, so that a server may render the page. */
export function createRequestTargets(
  apiBaseUrl: string,
  allowedOrigins: readonly string[],
): RequestTargets {
  const allowed = allowedOrigins.map((text) => {
    const advice = `allowedOrigins: "${text}" is not an origin. Write it as "https://reports.example.com".`;
    return parseUrl(text, advice).origin;
  });
  const base = () =>
    parseUrl(
      `${apiBaseUrl.replace(/\/+$/, "")}/`,
      `apiBaseUrl "${apiBaseUrl}" is no http(s) URL here. Outside a page it must be absolute, like "https://api.example.com/api/v1".`,
      pageUrl(),
    );
  const isOfPage = (url: URL) =>
    pageUrl() !== undefined && new URL(pageUrl() ?? "").origin === url.origin;

  return {
    api: (path) => new URL(path, base()).href,
    isOwn: (url) => isOfPage(new URL(url)) || url.startsWith(base().href),
    resolve(input) {
      const api = base();
      const url = new URL(input, isOfPage(api) ? pageUrl() : api);
      const isKnown = [api.origin, ...allowed].includes(url.origin);
      if (isKnown && url.protocol.startsWith("http")) return url.href;
      throw localError(
        "origin_not_allowed",
        `apiRequest does not send credentials to ${url.origin}. Use fetch, or list the origin in allowedOrigins.`,
      );
    },
  };
}
