import { localError } from "./session_error.js";

/** Says where a request goes, and refuses to send credentials to strangers. */
export interface RequestTargets {
  /** The URL of a path of the API, such as `auth/login`. */
  api(path: string): string;
  /**
   * The whole URL of an application's request. A relative one is taken as
   * `fetch` takes it when the API is on the page's origin, else from the API's
   * base. Throws SessionError `origin_not_allowed` for any origin but the
   * API's and the allowed ones.
   */
  resolve(url: string | URL): URL;
  /**
   * Whether a target takes headers of Curfew's own: it is below the API's base,
   * or of the page's origin. Others may have to list them for CORS first.
   */
  isOwn(url: URL): boolean;
}

const pageUrl = (): string | undefined => globalThis.document?.baseURI ?? globalThis.location?.href;

/** Throws TypeError for a text that is no http(s) URL, also as seen from the page. */
function parseUrl(name: string, text: string, page?: string): URL {
  const url = URL.canParse(text, page) ? new URL(text, page) : null;
  if (url?.protocol.startsWith("http")) return url;
  throw new TypeError(
    `${name}: "${text}" is no http(s) URL here. Write it whole, like "https://api.example.com".`,
  );
}

/** Makes the rules for one API. The base is resolved late, so that a server may render the page. */
export function createRequestTargets(
  apiBaseUrl: string,
  allowedOrigins: readonly string[],
): RequestTargets {
  const allowed = allowedOrigins.map((text) => parseUrl("allowedOrigins", text).origin);
  const base = () => parseUrl("apiBaseUrl", `${apiBaseUrl.replace(/\/+$/, "")}/`, pageUrl());
  const isOfPage = ({ origin }: URL) => {
    const page = pageUrl();
    return page !== undefined && new URL(page).origin === origin;
  };

  return {
    api: (path) => new URL(path, base()).href,
    isOwn: (url) => isOfPage(url) || url.href.startsWith(base().href),
    resolve(input) {
      const api = base();
      const url = new URL(input, isOfPage(api) ? pageUrl() : api);
      const isKnown = [api.origin, ...allowed].includes(url.origin);
      // A `blob:` URL has the origin of the page that made it.
      if (isKnown && url.protocol.startsWith("http")) return url;
      throw localError(
        "origin_not_allowed",
        `apiRequest does not send credentials to ${url.origin}. Use fetch, or list it in allowedOrigins.`,
      );
    },
  };
}
