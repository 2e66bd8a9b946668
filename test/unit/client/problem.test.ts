import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { effectOf } from "../../../src/client/error_code.js";
import { parseRetryAfter, readProblem } from "../../../src/client/problem.js";

const now = Date.parse("2025-06-01T12:00:00Z");

test.each([
  ["120", 120],
  ["1.5", 1.5],
  ["Sun, 01 Jun 2025 12:00:30 GMT", 30],
  ["Sun, 01 Jun 2025 11:00:00 GMT", 0],
  ["soon", null],
  ["", null],
  [null, null],
])("Retry-After %j is %j seconds", (header, expected) => {
  expect(parseRetryAfter(header, now)).toBe(expected);
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
  const response = Response.json(body, { status: 400, headers: { "retry-after": "2" } });
  const error = await readProblem(response);
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

test.each([
  [401, "unauthenticated"],
  [403, "permission_denied"],
  [418, "internal"],
  [502, "dependency_unavailable"],
  [503, "dependency_unavailable"],
])("a bare %i is %s", async (status, code) => {
  const error = await readProblem(new Response("<h1>Oops</h1>", { status }));
  expect(error.code).toBe(code);
  expect(error.detail).toContain(String(status));
});

test("every reason of the contract has its meaning for the client", () => {
  const proto = readFileSync("proto/curfew/v1/error_reason.proto", "utf8");
  const reasons = [...proto.matchAll(/ERROR_REASON_(\w+) = [1-9]/g)].map(([, name = ""]) =>
    name.toLowerCase(),
  );
  expect(reasons.length).toBeGreaterThan(20);
  const refreshing = reasons.filter((code) => effectOf(code) === "refreshes");
  // What is unknown is refreshed for; of the known codes only these are.
  expect(refreshing).toEqual([
    "access_token_expired",
    "access_token_invalid",
    "credentials_missing",
  ]);
});
