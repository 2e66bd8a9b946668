import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Access } from "../../../generated/curfew/options/v1/options.js";
import { ListMySessionsResponse } from "../../../generated/curfew/v1/auth_service.js";
import { waitUntil } from "../../support/wait_until.js";
import { type BareAnswer, bareCall } from "./bare_call.js";
import { type Caller, type Doors, openDoors, type Person } from "./callers.js";
import { encodeRequest, fieldNames, METHODS, type Method } from "./methods.js";
import { callHeaders, FLAG, FRAME, frame, grpcMessage, openRaw } from "./raw_http2.js";

/** Denied calls at once: as many as one replica has connections to spare for their events. */
const AT_ONCE = 5;

let doors: Doors;
let victim: Person;
beforeAll(async () => {
  doors = await openDoors();
  victim = await doors.signUp();
});
afterAll(() => doors?.stop());

/** No message of any type: a caller that receives this failure was admitted, and has changed nothing. */
const UNREADABLE = Buffer.from([0xff]);
const LET_IN = "let in";

const outcomeOf = ({ reason, text }: BareAnswer): string =>
  reason === "INVALID_ARGUMENT" && text.includes("request must be a message") ? LET_IN : reason;

const expected = (access: Access, { refused, opens }: Caller): string => {
  if (access === Access.PUBLIC) return LET_IN;
  if (refused !== undefined) return refused;
  return opens.includes(access) ? LET_IN : "PERMISSION_DENIED";
};

const ask = (
  { path }: Method,
  { client, authorization, metadata = {} }: Caller,
  message: Uint8Array,
) => bareCall(client, { path, messages: [message], authorization, metadata });

const knock = async (method: Method): Promise<Record<string, string>> => {
  const answers: Record<string, string> = {};
  for (const caller of doors.callers)
    answers[caller.name] = outcomeOf(await ask(method, caller, UNREADABLE));
  return answers;
};

/** The denials of this file so far, by reason. */
const denials: string[] = [];

const tally = (reasons: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
};

test("D4 the matrix has every access class but the closed one", () => {
  const classes = Object.values(Access).filter((value) => typeof value === "number" && value > 0);
  expect(new Set(METHODS.map(({ rule }) => rule.access))).toEqual(new Set(classes));
});

describe("D4 every method lets in whom its access class names, and nobody else", () => {
  test.each(METHODS)("D4 $name", async (method) => {
    const wanted = Object.fromEntries(
      doors.callers.map((caller) => [caller.name, expected(method.rule.access, caller)]),
    );
    expect(await knock(method)).toEqual(wanted);
    denials.push(...Object.values(wanted).filter((outcome) => outcome !== LET_IN));
  });
});

/** The state of users, sessions and keys, without the time at which a session was last used. */
const state = () =>
  doors.service.query(`
    SELECT md5(string_agg(row, ',' ORDER BY row)) AS print, count(*) AS rows FROM (
      SELECT u::text AS row FROM users u
      UNION ALL SELECT k::text FROM service_keys k
      UNION ALL SELECT k::text FROM keys k
      UNION ALL SELECT concat_ws('|', session_id, user_id, revoked_at, end_reason, refresh_generation,
        jti, expires_at) FROM sessions
    ) AS rows`);

/** A request with the method's effect on the victim. */
const attack = (method: Method): Uint8Array => {
  const values: Readonly<Record<string, unknown>> = {
    user_id: victim.userId,
    session_id: victim.sessionId,
    access_token: victim.accessToken,
    refresh_token: victim.refreshToken,
    username: `intruder-${randomUUID()}`,
    password: "the intruder's own passphrase",
    current_password: "a perfectly fine passphrase",
    new_password: "the intruder's own passphrase",
    roles: "admin",
    all: true,
  };
  return encodeRequest(method.input, ({ name }) => values[name]);
};

describe("D4 a call that is denied does nothing", () => {
  test.each(METHODS.filter(({ rule }) => rule.access !== Access.PUBLIC))(
    "D4 $name with a good request about somebody else",
    async (method) => {
      const request = attack(method);
      const before = await state();
      const denied = doors.callers
        .map((caller) => ({ caller, outcome: expected(method.rule.access, caller) }))
        .filter(({ outcome }) => outcome !== LET_IN);
      for (let from = 0; from < denied.length; from += AT_ONCE) {
        const some = denied.slice(from, from + AT_ONCE);
        const answers = await Promise.all(some.map(({ caller }) => ask(method, caller, request)));
        expect(answers.map(({ reason, messages }) => ({ reason, messages }))).toEqual(
          some.map(({ outcome }) => ({ reason: outcome, messages: [] })),
        );
      }
      expect(await state()).toEqual(before);
    },
  );
});

describe("D4 two authorization headers are refused by every method", () => {
  test.each(METHODS)("D4 $name", async ({ path }) => {
    const { replica, service } = doors;
    const admin = await service.createServiceKey("validate", "admin");
    const asked = randomUUID();
    const raw = await openRaw(replica.port);
    const headers = callHeaders(path, [
      ["authorization", `Bearer ${admin}`],
      ["authorization", `Bearer ${admin}`],
      ["x-request-id", asked],
    ]);
    await raw.write(frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, headers));
    await raw.write(frame(FRAME.DATA, FLAG.END_STREAM, 1, grpcMessage(Buffer.alloc(0))));
    const logged = () => replica.logs().find((line) => line.includes(asked));
    await waitUntil("the call is logged", () => logged() !== undefined);
    await raw.close();
    expect(JSON.parse(logged() ?? "")).toMatchObject({
      reason: "INVALID_ARGUMENT",
      request_id: asked,
    });
  });
});

const OWN = METHODS.filter(
  ({ rule, input }) =>
    (rule.access === Access.SESSION || rule.access === Access.SERVICE_OR_SESSION) &&
    fieldNames(input).includes("session_id"),
);

describe("D4 a foreign id answers like an unknown one, byte for byte", () => {
  test("D4 of all methods for users that take one", () => {
    expect(OWN.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["AuthService.RevokeMySession", "AuthService.RecordActivity"]),
    );
  });

  test.each(OWN)("D4 $name", async (method) => {
    const { client, signUp, service } = doors;
    const me = await signUp();
    const [live, idle, ended] = [await signUp(), await signUp(), await signUp("admin")];
    await service.query(
      "UPDATE sessions SET last_activity_at = now() - interval '1 day' WHERE session_id = $1",
      [idle.sessionId],
    );
    await bareCall(client, {
      path: "/curfew.v1.AuthService/Logout",
      messages: [Buffer.alloc(0)],
      authorization: `Bearer ${ended.accessToken}`,
    });
    const askAbout = async (id: string): Promise<object> => {
      const message = encodeRequest(method.input, ({ name }) =>
        name === "session_id" ? id : undefined,
      );
      const authorization = `Bearer ${me.accessToken}`;
      const { details, ...answer } = await bareCall(client, {
        path: method.path,
        messages: [message],
        authorization,
      });
      return { ...answer, details: details.toString("latin1").replaceAll(id, "<the id>") };
    };
    const unknown = await askAbout(randomUUID());
    expect(unknown).toMatchObject({ code: expect.toSatisfy((code: number) => code !== 0) });
    const foreign = [live.sessionId, idle.sessionId, ended.sessionId, "x".repeat(36)];
    for (const id of foreign) expect(await askAbout(id)).toEqual(unknown);
    expect(
      await service.query("SELECT revoked_at FROM sessions WHERE session_id = $1", [
        live.sessionId,
      ]),
    ).toEqual([{ revoked_at: null }]);
  });

  test("D4 AuthService.ListMySessions with the page token of somebody else", async () => {
    const { client, signUp, service } = doors;
    const [me, other] = [await signUp(), await signUp()];
    await service.signIn(other.username);
    const list = METHODS.find(({ name }) => name === "AuthService.ListMySessions");
    if (list === undefined) throw new Error("there is no ListMySessions");
    const page = async (token: string, pageToken: string) => {
      const values: Readonly<Record<string, unknown>> = { page_size: 1, page_token: pageToken };
      const message = encodeRequest(list.input, ({ name }) => values[name]);
      const authorization = `Bearer ${token}`;
      return bareCall(client, { path: list.path, messages: [message], authorization });
    };
    const [first] = (await page(other.accessToken, "")).messages;
    const theirs = ListMySessionsResponse.decode(first ?? Buffer.alloc(0)).nextPageToken;
    expect(theirs).not.toBe("");
    expect((await page(other.accessToken, theirs)).reason).toBe("OK");
    const mine = await page(me.accessToken, theirs);
    expect(Buffer.concat(mine.messages).toString("latin1")).not.toContain(other.sessionId);
    expect(mine.reason).not.toBe("INTERNAL");
  });
});

test("D7 every denied call is told of, alone or with others of its source", async () => {
  // Events that are reported together are written at the stop at the latest.
  await doors.stopReplicas();
  const told = await doors.service.query<{ reason: string; calls: number }>(
    `SELECT reason, sum(coalesce((metadata->>'count')::int, 1))::int AS calls
     FROM audit_events WHERE type = 'CALL_DENIED' GROUP BY reason`,
  );
  const calls = Object.fromEntries(told.map((row) => [row.reason, row.calls]));
  expect(denials.length).toBeGreaterThan(400);
  for (const [reason, times] of Object.entries(tally(denials)))
    expect([reason, calls[reason]]).toEqual([
      reason,
      expect.toSatisfy((count: number) => count >= times),
    ]);
});
