import { ChannelCredentials, Client } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LoginRequest } from "../../../generated/curfew/v1/auth_service.js";
import { PASSWORD, startTestService, type TestService } from "../../support/service.js";
import { waitUntil } from "../../support/wait_until.js";
import { bareCall } from "./bare_call.js";
import { type Replica, startReplica } from "./replica.js";

const ALLOWED = 5;
const ATTEMPTS = 500;
const LIMITS = {
  LOGIN_MAX_FAILURES: String(ALLOWED),
  LOGIN_MAX_FAILURES_PER_SOURCE: "100000",
};
const LOGIN = "/curfew.v1.AuthService/Login";

let service: TestService;
const running: Replica[] = [];
beforeAll(async () => {
  service = await startTestService(LIMITS);
  for (let replica = 0; replica < 3; replica++)
    running.push(await startReplica(service, { ...LIMITS, HTTP_PORT: "0" }));
});
afterAll(async () => {
  await Promise.all(running.map((replica) => replica.stop()));
  await service?.stop();
});

/** Sends this many logins at once, spread over the replicas, and returns the outcomes. */
const storm = async (username: string, attempts: number, password = "a wrong password") => {
  const clients = running.map(
    ({ target }) => new Client(target, ChannelCredentials.createInsecure()),
  );
  const request = LoginRequest.create({ username, password });
  const message = LoginRequest.encode(request).finish();
  const answers = await Promise.all(
    Array.from({ length: attempts }, (_, index) => {
      const client = clients[index % clients.length];
      if (client === undefined) throw new Error("there are no replicas");
      return bareCall(client, { path: LOGIN, messages: [message] });
    }),
  );
  for (const client of clients) client.close();
  return answers.map(({ reason }) => reason);
};

const restart = async (index: number): Promise<void> => {
  await running[index]?.stop();
  running[index] = await startReplica(service, { ...LIMITS, HTTP_PORT: "0" });
};

const eventsOf = (userId: string) =>
  service.query<{ type: string; reason: string | null; times: number }>(
    `SELECT type, reason, count(*)::int AS times FROM audit_events
     WHERE user_id = $1 AND type IN ('LOGIN_FAILED', 'ACCOUNT_LOCKED', 'LOGIN')
     GROUP BY type, reason ORDER BY type, reason`,
    [userId],
  );

test("D1 of 500 wrong passwords at once, over three replicas and a restart, no more are checked than are allowed", async () => {
  const { userId, username } = await service.createUser();
  const outcomes: Awaited<ReturnType<typeof storm>> = [];
  // One that is checked for certain: in the storm all that are let in may find the replicas busy.
  await waitUntil("a wrong password is checked", async () => {
    outcomes.push(...(await storm(username, 1)));
    return outcomes.at(-1) === "INVALID_CREDENTIALS";
  });
  outcomes.push(...(await storm(username, ATTEMPTS / 2)));
  await restart(0);
  outcomes.push(...(await storm(username, ATTEMPTS / 2)));
  // Calls that a busy replica refused were not counted: use up the rest of the allowance.
  for (let more = 0; more <= ALLOWED; more++) outcomes.push(...(await storm(username, 1)));

  const checked = outcomes.filter((reason) => reason === "INVALID_CREDENTIALS").length;
  // Fewer, where an attempt that was let in found its store too slow to go on.
  expect(checked).toBeGreaterThan(0);
  expect(checked).toBeLessThanOrEqual(ALLOWED);
  const others = new Set(outcomes.filter((reason) => reason !== "INVALID_CREDENTIALS"));
  others.delete("DEPENDENCY_UNAVAILABLE");
  expect(others).toEqual(new Set(["TOO_MANY_ATTEMPTS"]));
  await waitUntil("a right password is told to wait too", async () => {
    const [answer] = await storm(username, 1, PASSWORD);
    expect(answer).toMatch(/^TOO_MANY_ATTEMPTS$|^DEPENDENCY_UNAVAILABLE$/);
    return answer === "TOO_MANY_ATTEMPTS";
  });
  const events = await eventsOf(userId);
  expect(events).toContainEqual({
    type: "LOGIN_FAILED",
    reason: "INVALID_CREDENTIALS",
    times: checked,
  });
  expect(events.map(({ type }) => type)).not.toContain("LOGIN");
}, 240_000);
