import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Session_State } from "../../../generated/curfew/v1/session.js";
import {
  ExplainStep_Outcome,
  ListSessionsRequest_Order,
  type SessionAdminServer,
} from "../../../generated/curfew/v1/session_admin.js";
import { ANN, AT, ENDED, LIVE } from "./fixtures.js";
import { type Invocation, run } from "./recording_terminal.js";
import { answering, Refused, type StubServer, startStubServer } from "./stub_server.js";

let calls: { method: string; request: unknown }[];
let server: StubServer;

const seen =
  <Request, Response>(method: string, answer: (request: Request) => Response) =>
  ({ request }: { request: Request }) => {
    calls.push({ method, request });
    return answer(request);
  };

const sessions: Partial<SessionAdminServer> = {
  listSessions: answering(
    seen("listSessions", ({ pageSize, pageToken }) =>
      pageToken === ""
        ? { sessions: [LIVE].slice(0, pageSize), nextPageToken: "2" }
        : { sessions: [ENDED], nextPageToken: "" },
    ),
  ),
  revokeSession: answering(
    seen("revokeSession", ({ sessionId }) => {
      if (sessionId.startsWith("unknown")) {
        const metadata = { session_id: sessionId };
        const message = "Not found";
        throw new Refused({ code: status.NOT_FOUND, reason: "NOT_FOUND", message, metadata });
      }
      if (sessionId === "outage")
        throw new Refused({ code: status.UNAVAILABLE, reason: "DEPENDENCY_UNAVAILABLE" });
      return { revision: sessionId === LIVE.sessionId ? 9n : 4n };
    }),
  ),
  revokeUserSessions: answering(
    seen("revokeUserSessions", () => ({ revokedSessions: 2, revision: 11n })),
  ),
  revokeSessions: answering(
    seen("revokeSessions", ({ dryRun }) => ({
      matchedSessions: 3,
      revokedSessions: dryRun ? 0 : 3,
      revision: dryRun ? 0n : 12n,
      more: false,
    })),
  ),
  cleanupSessions: answering(seen("cleanupSessions", () => ({ cleanedSessions: 0 }))),
  explainToken: answering(
    seen("explainToken", ({ accessToken }) => ({
      verdict: accessToken === "ended" ? "ACCESS_TOKEN_BLACKLISTED" : "ACCESS_TOKEN_INVALID",
      steps: [
        { check: "signature", outcome: ExplainStep_Outcome.PASS, detail: "EdDSA by key k1" },
        { check: "session", outcome: ExplainStep_Outcome.FAIL, detail: "ended" },
        { check: "idle", outcome: ExplainStep_Outcome.SKIPPED, detail: "" },
      ],
      session: accessToken === "ended" ? ENDED : undefined,
    })),
  ),
};

beforeEach(async () => {
  calls = [];
  server = await startStubServer({
    sessions,
    users: {
      listUsers: answering(() => ({ users: [ANN], nextPageToken: "" })),
      getUser: answering(() => ({ user: ANN })),
    },
  });
});
afterEach(() => server.close());

const curfew = (words: string, invocation: Invocation = {}) =>
  run([...words.split(" "), "--target", server.target, "--token", "t"], {
    piped: "",
    ...invocation,
  });

describe("sessions list", () => {
  test("shows live and ended ones of all pages", async () => {
    const { output, exitCode } = await curfew("sessions list", { now: +AT + 3 * 3_600_000 });
    expect(exitCode).toBe(0);
    const lines = output.trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/ Ann +ACTIVE +3h ago +3h ago +192\.0\.2\.1 +laptop$/);
    expect(lines[2]).toMatch(/ Ann +REVOKED .*ADMIN \(service:ops\)$/);
  });

  test("fits a screen of 100 columns, with what matters on it", async () => {
    const screen = { columns: 100, rows: 24 };
    const { output } = await curfew("sessions list", { now: +AT + 90_000_000, screen });
    const lines = output.trimEnd().split("\n");
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(100);
    expect(lines[1]).toMatch(/^[0-9a-f-]{36} {2}Ann +ACTIVE +1d ago +1d ago +192\.0\.2\.1/);
  });

  test("a user who is gone is shown by the id", async () => {
    const other = await startStubServer({ sessions });
    const outcome = await run(["sessions", "list", "--target", other.target, "--token", "t"]);
    other.close();
    expect(outcome).toMatchObject({ exitCode: 0, output: expect.stringContaining(ANN.userId) });
  });

  test("sends every condition", async () => {
    await curfew(
      "sessions list --user ann --state idle_timeout --ip 192.0.2.1 --created-after 2026-04-30 --created-before 12h --inactive-since 2026-05-01T09:00:00+02:00 --order oldest --limit 7",
      { now: +AT },
    );
    expect(calls[0]?.request).toEqual({
      filter: {
        userId: ANN.userId,
        state: Session_State.IDLE_TIMEOUT,
        ip: "192.0.2.1",
        createdAfter: new Date("2026-04-30T00:00:00Z"),
        createdBefore: new Date("2026-04-30T22:00:00Z"),
        inactiveSince: new Date("2026-05-01T07:00:00Z"),
      },
      pageSize: 8,
      pageToken: "",
      order: ListSessionsRequest_Order.CREATED_ASC,
    });
  });

  test("--json has the names of the proto", async () => {
    const { output } = await curfew("sessions list --json");
    expect(JSON.parse(output)).toMatchObject([
      { session_id: LIVE.sessionId, state: "ACTIVE", end_reason: "UNSPECIFIED", current: false },
      {
        session_id: ENDED.sessionId,
        state: "REVOKED",
        end_reason: "ADMIN",
        ended_by: "service:ops",
        revoked_at: "2026-05-01T10:00:00.000Z",
      },
    ]);
  });

  test.each([
    ["--limit 0", "--limit"],
    ["--state gone", "--state"],
    ["--created-after yesterday", "--created-after"],
    ["--created-after 2026-13-01", "--created-after"],
    ["--nope", "--nope"],
  ])("%s is a wrong call", async (option, named) => {
    const outcome = await curfew(`sessions list ${option}`);
    expect(outcome).toMatchObject({ exitCode: 2, output: "" });
    expect(outcome.errors).toMatch(/^curfew: .*\n$/);
    expect(outcome.errors).toContain(named);
    expect(calls).toEqual([]);
  });
});

describe("sessions revoke", () => {
  test("by id, with a note; the last revision is told", async () => {
    const outcome = await curfew(
      `sessions revoke ${LIVE.sessionId} ${ENDED.sessionId} --note stolen --json`,
    );
    expect(outcome.exitCode).toBe(0);
    expect(JSON.parse(outcome.output)).toEqual({
      revoked_sessions: 2,
      revision: 9,
      sessions: [
        { session_id: LIVE.sessionId, revoked: true, revision: 9 },
        { session_id: ENDED.sessionId, revoked: true, revision: 4 },
      ],
    });
    expect(calls.map(({ request }) => request)).toEqual([
      { sessionId: LIVE.sessionId, note: "stolen" },
      { sessionId: ENDED.sessionId, note: "stolen" },
    ]);
  });

  test("each id is told of: an unknown one hides none that ended, and ends it with 1", async () => {
    const words = `sessions revoke unknown ${LIVE.sessionId} ${LIVE.sessionId} unknown2`;
    const outcome = await curfew(words);
    expect(outcome).toMatchObject({ exitCode: 1, errors: "" });
    expect(outcome.output).toBe(
      [
        "unknown  not ended: Not found (session_id: unknown)",
        `${LIVE.sessionId}  ended`,
        "unknown2  not ended: Not found (session_id: unknown2)",
        "Ended 1 of 3 sessions.\n",
      ].join("\n"),
    );
    expect(calls).toHaveLength(3);

    const json = await curfew(`${words} --json`);
    expect(json).toMatchObject({ exitCode: 1, errors: "" });
    expect(JSON.parse(json.output)).toMatchObject({
      revoked_sessions: 1,
      revision: 9,
      sessions: [
        { session_id: "unknown", revoked: false, error: { reason: "NOT_FOUND" } },
        { session_id: LIVE.sessionId, revoked: true },
        { session_id: "unknown2", revoked: false },
      ],
    });
  });

  test("an outage stops it, and what was ended before is told", async () => {
    const outcome = await curfew(`sessions revoke ${LIVE.sessionId} outage ${ENDED.sessionId}`);
    expect(outcome).toMatchObject({ exitCode: 1, errors: "" });
    expect(outcome.output).toMatch(
      new RegExp(
        `^${LIVE.sessionId}  ended\noutage  not ended: .*\n${ENDED.sessionId}  not ended: not tried`,
      ),
    );
    expect(calls).toHaveLength(2);
    const first = await curfew(`sessions revoke outage ${LIVE.sessionId}`);
    expect(first).toMatchObject({ exitCode: 1, output: "" });
    expect(first.errors).toMatch(/^curfew: /);
  });

  test("all of a user but one", async () => {
    const outcome = await curfew(`sessions revoke --user ann --except ${LIVE.sessionId}`);
    expect(outcome.output).toBe("Ended 2 sessions.\n");
    expect(calls).toEqual([
      {
        method: "revokeUserSessions",
        request: { userId: ANN.userId, exceptSessionId: LIVE.sessionId, note: "" },
      },
    ]);
  });

  test("what matches, after asking how many", async () => {
    const outcome = await run(
      ["sessions", "revoke", "--ip", "192.0.2.1", "--target", server.target],
      { typed: "yes\n" },
    );
    expect(outcome.errors).toContain("End 3 sessions? [y/N] ");
    expect(outcome.output).toBe("Ended 3 sessions.\n");
    expect(calls.map(({ request }) => (request as { dryRun: boolean }).dryRun)).toEqual([
      true,
      false,
    ]);
  });

  test("anything but yes ends nothing", async () => {
    const outcome = await run(["sessions", "revoke", "--all", "--target", server.target], {
      typed: "\n",
    });
    expect(outcome).toMatchObject({ exitCode: 1, output: "" });
    expect(calls).toMatchObject([{ request: { all: true, dryRun: true } }]);
  });

  test("without a terminal it takes --yes", async () => {
    const refused = await curfew("sessions revoke --all");
    expect(refused.exitCode).toBe(2);
    expect(refused.errors).toContain("add --yes");
    expect(calls).toMatchObject([{ request: { dryRun: true } }]);
    const done = await curfew("sessions revoke --all --yes --json");
    expect(JSON.parse(done.output)).toEqual({ revoked_sessions: 3, revision: 12 });
  });

  test("--dry-run only counts", async () => {
    const outcome = await curfew("sessions revoke --user ann --dry-run");
    expect(outcome.output).toBe("It would end 3 sessions.\n");
    expect(calls).toMatchObject([{ method: "revokeSessions", request: { dryRun: true } }]);
  });

  test.each([
    "sessions revoke",
    "sessions revoke some-id --user ann",
    "sessions revoke --all --ip 192.0.2.1",
    "sessions revoke --except some-id --all",
    "sessions revoke --user ann --ip 192.0.2.1 --except some-id",
  ])("%s is refused before anything is sent", async (words) => {
    const outcome = await curfew(`${words} --yes`);
    expect(outcome).toMatchObject({ exitCode: 2, output: "" });
    expect(calls).toEqual([]);
  });
});

test("sessions cleanup tells how many, also when none", async () => {
  expect((await curfew("sessions cleanup")).output).toBe("Cleaned 0 sessions.\n");
  expect(JSON.parse((await curfew("sessions cleanup --json")).output)).toEqual({
    cleaned_sessions: 0,
  });
});

describe("sessions why", () => {
  test("tells each check in order and what ended the session", async () => {
    const { output, exitCode } = await curfew("sessions why ended");
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^Verdict: ACCESS_TOKEN_BLACKLISTED\n/);
    expect(output).toMatch(
      /signature +pass +EdDSA by key k1\nsession +fail +ended\nidle +skipped\n/,
    );
    expect(output).toMatch(/end reason +ADMIN\nended by +service:ops\n/);
  });

  test("a token that is none of ours has no session", async () => {
    const { output } = await curfew("sessions why rubbish --json");
    expect(JSON.parse(output)).toMatchObject({
      verdict: "ACCESS_TOKEN_INVALID",
      steps: [{ check: "signature", outcome: "PASS" }, { outcome: "FAIL" }, { outcome: "SKIPPED" }],
      session: null,
    });
  });

  test("- reads the token from standard input", async () => {
    await curfew("sessions why -", { piped: "ended\n" });
    expect(calls).toEqual([{ method: "explainToken", request: { accessToken: "ended" } }]);
  });
});
