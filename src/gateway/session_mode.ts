import type { FastifyRequest } from "fastify";
import type { OriginCheck } from "./origin_check.js";
import { badField } from "./problem.js";

const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" ||
  hostname.endsWith(".localhost") ||
  hostname === "[::1]" ||
  /^127\./.test(hostname);

/** A browser drops `Secure` cookies that it gets over plain HTTP, and with them the session. */
const refusePlainHttp = ({ headers }: FastifyRequest): void => {
  if (!headers.origin?.startsWith("http://")) return;
  if (URL.canParse(headers.origin) && isLoopback(new URL(headers.origin).hostname)) return;
  throw badField("x-session-mode", "cookie takes a page served over https, or from localhost");
};

/**
 * Whether the caller requests cookies instead of tokens, with the header `X-Session-Mode: cookie`. False if the header
 * is absent or `bearer`.
 *
 * @throws ProblemError 400 for any other value or a page that cannot keep the
 *   cookies, 403 for a page of an origin that is not allowed
 */
export const asksForCookies = (request: FastifyRequest, checkOrigin: OriginCheck): boolean => {
  const mode = request.headers["x-session-mode"];
  if (mode === undefined || mode === "bearer") return false;
  if (mode !== "cookie") throw badField("x-session-mode", "takes cookie or bearer");
  checkOrigin(request);
  refusePlainHttp(request);
  return true;
};
