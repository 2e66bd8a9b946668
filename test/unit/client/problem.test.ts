import { expect, test } from "vitest";
import { effectOf } from "../../../src/client/error_code.js";
import { NetworkError, SessionError } from "../../../src/client/index.js";
import { parseRetryAfter, readProblem } from "../../../src/client/problem.js";
import { Code, REASONS, type Reason } from "../../../src/core/errors.js";

test.each([
  ["120", 120],
  ["1.5", 1.5],
  ["-1", null],
  ["soon", null],
  ["", null],
  [null, null],
])("Retry-After %j is %j seconds", (header, expected) => {
  expect(parseRetryAfter(header)).toBe(expected);
});

test("a problem of the gateway is read whole, and the response can still be read", async () => {
  const body = {
    type: "about:blank",
    title: "Bad Request",
    status: 400,
    code: "invalid_argument",
    detail: "new_password: at least 15 characters",
    request_id: "r1",
    metadata: { end_reason: "ADMIN", count: 3 },
    violations: [{ field: "new_password", description: "at least 15 characters" }],
  };
  const headers = { "retry-after": "2", "content-type": "application/problem+json; charset=utf-8" };
  const response = new Response(JSON.stringify(body), { status: 400, headers });
  const error = await readProblem(response);
  if (!(error instanceof SessionError)) throw error;
  expect(error.toJSON()).toEqual({
    code: "invalid_argument",
    status: 400,
    detail: "new_password: at least 15 characters",
    retryAfter: 2,
    metadata: { end_reason: "ADMIN" },
    violations: [{ field: "new_password", description: "at least 15 characters" }],
  });
  expect(await response.json()).toEqual(body);
});

const lower = (reason: string) => reason.toLowerCase();
/** After these there is nothing left to sign in with but a password. */
const ENDED = new Set<Reason>([
  "SESSION_INACTIVITY_TIMEOUT",
  "SESSION_REVOKED_OR_INVALID",
  "ACCESS_TOKEN_BLACKLISTED",
  "SESSION_EXPIRED",
  "USER_INACTIVE",
]);

const PROBLEM = "application/problem+json";

test.each([
  ["a proxy's page", 401, "text/html", "<h1>Unauthorized</h1>"],
  ["JSON without a code", 401, "application/json", '{"error":"no"}'],
  [
    "JSON with a code that is no problem body",
    401,
    "application/json",
    '{"code":"session_expired"}',
  ],
  ["a problem of somebody else's, without a code", 403, PROBLEM, '{"title":"Forbidden"}'],
  ["a problem with a code that is no text", 400, PROBLEM, '{"code":17}'],
  ["a problem that is no JSON", 502, PROBLEM, "<h1>Bad gateway</h1>"],
  ["an array", 503, PROBLEM, "[]"],
  ["nothing", 599, "", ""],
])("%s is no answer of Curfew's, whatever its status", async (_what, status, type, body) => {
  const response = new Response(body, { status, headers: type ? { "content-type": type } : {} });
  const error = await readProblem(response);
  expect(error).toBeInstanceOf(NetworkError);
  expect(error.message).toContain(String(status));
});

test("every reason of the contract has its meaning for the client", () => {
  const unauthenticated = (reason: Reason) => REASONS[reason].code === Code.UNAUTHENTICATED;
  const reasons = Object.keys(REASONS) as Reason[];
  // A 401 whose code the client does not know would be taken for a token to refresh.
  const unknown = reasons.filter((reason) => unauthenticated(reason) && !effectOf(lower(reason)));
  expect(unknown).toEqual([]);
  expect(reasons.filter((reason) => effectOf(lower(reason)) === "ends")).toEqual(
    reasons.filter((reason) => ENDED.has(reason)),
  );
  const unavailable = [Code.UNAVAILABLE, Code.INTERNAL, Code.DEADLINE_EXCEEDED];
  for (const reason of reasons) {
    if (!unavailable.some((code) => code === REASONS[reason].code)) continue;
    if (reason !== "WATCH_FELL_BEHIND")
      expect([reason, effectOf(lower(reason))]).toEqual([reason, "later"]);
  }
  expect(effectOf("overloaded")).toBe("later");
  expect(effectOf("constructor")).toBeUndefined();
});
