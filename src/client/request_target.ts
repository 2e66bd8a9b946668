import { SessionError } from "./session_error.js";

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
}

const isHttp = (url: URL) => url.protocol === "https:" || url.protocol === "http:";

const pageUrl = (): string | undefined => globalThis.document?.baseURI ?? globalThis.location?.href;

function parseOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && isHttp(url)) return url.origin;
  throw new TypeError(
    `allowedOrigins: "${text}" is not an origin. Write it as "https://reports.example.com".`,
  );
}

/** Makes the rules for one API. The base is resolved late, so that a server may render the page. */
export function createRequestTargets(
  apiBaseUrl: string,
  allowedOrigins: readonly string[],
): RequestTargets {
  const allowed = new Set(allowedOrigins.map(parseOrigin));

  function base(): URL {
    const text = `${apiBaseUrl.replace(/\/+$/, "")}/`;
    const page = pageUrl();
    const url = URL.canParse(text, page) ? new URL(text, page) : null;
    if (url && isHttp(url)) return url;
    throw new TypeError(
      `apiBaseUrl "${apiBaseUrl}" is no http(s) URL here. Outside a page it must be absolute, like "https://api.example.com/api/v1".`,
    );
  }

  return {
    api: (path) => new URL(path, base()).href,
    resolve(input) {
      const api = base();
      const page = pageUrl();
      const isOwnPage = page !== undefined && new URL(page).origin === api.origin;
      const url = new URL(input, isOwnPage ? page : api);
      if (isHttp(url) && (url.origin === api.origin || allowed.has(url.origin))) return url.href;
      throw new SessionError({
        code: "origin_not_allowed",
        status: 0,
        detail: `apiRequest does not send credentials to ${url.origin}. Use fetch, or list the origin in allowedOrigins.`,
      });
    },
  };
}
