import type { FastifyRequest } from "fastify";
import { ProblemError } from "./problem.js";

/** Refuses requests that a browser sent from pages of other origins. */
export type OriginCheck = (request: FastifyRequest) => void;

const refused = (): ProblemError =>
  new ProblemError(
    403,
    "permission_denied",
    "Pages of this origin may not use cookies here; list it in CORS_ORIGINS.",
    { metadata: { check: "origin" } },
  );

const hostOf = (origin: string): string | undefined => {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
};

/**
 * Makes the check. `Sec-Fetch-Site` decides where the browser sends it, for no
 * script can set it; else `Origin` must be this host or on the list. A request
 * with neither comes from no page.
 *
 * Source: OWASP Cross-Site Request Forgery Prevention, "Fetch Metadata headers"
 * and "Verifying Origin With Standard Headers".
 *
 * @param allowed origins whose pages may call with cookies
 */
export const createOriginCheck = (allowed: ReadonlySet<string>): OriginCheck => {
  return (request) => {
    const { origin } = request.headers;
    const site = request.headers["sec-fetch-site"];
    if (origin !== undefined && allowed.has(origin)) return;
    if (site === "same-origin" || site === "none") return;
    if (site !== undefined) throw refused();
    if (origin !== undefined && hostOf(origin) !== request.host) throw refused();
  };
};
