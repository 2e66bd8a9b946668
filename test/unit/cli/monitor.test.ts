import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EndReason_Value } from "../../../generated/curfew/v1/session.js";
import {
  GetSessionStatsResponse,
  StoreHealth_State,
} from "../../../generated/curfew/v1/session_admin.js";
import { renderFrame } from "../../../src/cli/monitor/frame.js";
import { AT } from "./fixtures.js";
import { type Invocation, run } from "./recording_terminal.js";
import { answering, Refused, type StubServer, startStubServer } from "./stub_server.js";

const STATS = GetSessionStatsResponse.fromPartial({
  liveSessions: 1234n,
  idleSessions: 5n,
  endedSessions: 40n,
  logins: 12n,
  failedLogins: 3n,
  throttledLogins: 2n,
  accountLocks: 1n,
  refreshes: 99n,
  revocations: [
    { reason: EndReason_Value.LOGOUT, count: 2n },
    { reason: EndReason_Value.ADMIN, count: 4n },
  ],
  unusualPatterns: [
    { kind: "many_failed_logins", subject: "ann\u001b[2J", count: 30n, detail: "in 5 minutes" },
  ],
  windowMinutes: 60,
  stores: [
    { store: "postgres", state: StoreHealth_State.UP },
    { store: "redis", state: StoreHealth_State.DOWN },
  ],
});

let looks: number;
let answer: (look: number) => GetSessionStatsResponse;
let server: StubServer;
beforeEach(async () => {
  looks = 0;
  answer = () => STATS;
  server = await startStubServer({
    sessions: {
      getSessionStats: answering(() => {
        looks += 1;
        return answer(looks);
      }),
    },
  });
});
afterEach(() => server.close());

const SCREEN = { columns: 80, rows: 40 };
const monitor = (words: string, invocation: Invocation) =>
  run(`sessions monitor --target ${server.target} --token t ${words}`.trim().split(" "), {
    now: +AT,
    ...invocation,
  });

const refuse = (code: status, reason: string) => {
  throw new Refused({ code, reason, message: reason });
};

describe("without a terminal", () => {
  test("each look is one line", async () => {
    const { output, exitCode } = await monitor("--count 2", { piped: "" });
    const line =
      "2026-05-01T10:00:00Z status=SERVING live=1234 idle=5 ended=40 window_minutes=60 logins=12 failed_logins=3 throttled_logins=2 account_locks=1 refreshes=99 revocations=6 admin=4 logout=2 unusual=1 postgres=up redis=down\n";
    expect({ output, exitCode }).toEqual({ output: line + line, exitCode: 0 });
  });

  test("--json is one document a line", async () => {
    const { output } = await monitor("--count 2 --json", { piped: "" });
    const documents = output
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(documents).toHaveLength(2);
    expect(documents[0]).toMatchObject({
      at: "2026-05-01T10:00:00.000Z",
      status: "SERVING",
      live_sessions: 1234,
      revocations: [
        { reason: "ADMIN", count: 4 },
        { reason: "LOGOUT", count: 2 },
      ],
      unusual_patterns: [{ kind: "many_failed_logins", count: 30 }],
      throttled_logins: 2,
      account_locks: 1,
      stores: [
        { store: "postgres", state: "UP" },
        { store: "redis", state: "DOWN" },
      ],
    });
  });

  test("a store in trouble is told, and the watch goes on", async () => {
    answer = (look) => (look === 2 ? refuse(status.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE") : STATS);
    const { output, exitCode } = await monitor("--count 3", { piped: "" });
    const lines = output.trimEnd().split("\n");
    expect(exitCode).toBe(0);
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(
      /^2026-05-01T10:00:00Z status=SERVING failure="DEPENDENCY_UNAVAILABLE/,
    );
  });

  test("a store that is in trouble from the start is watched, too", async () => {
    answer = (look) => (look === 1 ? refuse(status.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE") : STATS);
    const { output, errors, exitCode } = await monitor("--count 2", { piped: "" });
    expect({ errors, exitCode }).toEqual({ errors: "", exitCode: 0 });
    expect(output).toMatch(/ failure="DEPENDENCY_UNAVAILABLE.*\n.* live=1234 .*\n$/);
  });

  test("when no look comes to anything, it fails", async () => {
    answer = () => refuse(status.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE");
    const { output, errors, exitCode } = await monitor("--count 2", { piped: "" });
    expect(exitCode).toBe(1);
    expect(output.trimEnd().split("\n")).toHaveLength(2);
    expect(errors).toMatch(/^curfew: DEPENDENCY_UNAVAILABLE/);
  });

  test("a refusal ends it", async () => {
    answer = (look) => (look === 2 ? refuse(status.UNAUTHENTICATED, "SESSION_EXPIRED") : STATS);
    const outcome = await monitor("", { piped: "" });
    expect(outcome.exitCode).toBe(1);
    expect(outcome.output.trimEnd().split("\n")).toHaveLength(1);
    expect(outcome.errors).toMatch(/^curfew: The credential was refused: SESSION_EXPIRED/);
  });

  test("a server that is not there ends it at once", async () => {
    server.close();
    const outcome = await monitor("", { piped: "" });
    expect(outcome).toMatchObject({ exitCode: 1, output: "" });
    expect(outcome.errors).toContain(`Cannot reach Curfew at ${server.target}`);
  });
});

describe("on a terminal", () => {
  test("the screen is taken, redrawn, and given back when q is pressed", async () => {
    answer = (look) => ({ ...STATS, liveSessions: 1234n + BigInt(look) });
    let waits = 0;
    const outcome = await monitor("", {
      screen: SCREEN,
      onWait: ({ input }) => {
        waits += 1;
        if (waits === 2) input.emit("data", Buffer.from("q"));
      },
    });
    expect(outcome.exitCode).toBe(0);
    expect(looks).toBe(2);
    expect(outcome.output.startsWith("\u001b[?1049h\u001b[?25l\u001b[H")).toBe(true);
    expect(outcome.output.endsWith("\u001b[?25h\u001b[?1049l")).toBe(true);
    expect(outcome.output.split("\u001b[H")).toHaveLength(3);
    expect(outcome.output).toContain("live 1,236 (+1)");
    expect(outcome.rawModes).toEqual([true, false]);
  });

  test("Ctrl-C ends it, be it a key or a signal", async () => {
    const byKey = await monitor("", {
      screen: SCREEN,
      onWait: ({ input }) => void input.emit("data", "\u0003"),
    });
    const bySignal = await monitor("", {
      screen: SCREEN,
      onWait: (_terminal, interrupt) => interrupt(),
    });
    for (const outcome of [byKey, bySignal]) {
      expect(outcome.exitCode).toBe(0);
      expect(outcome.output.endsWith("\u001b[?1049l")).toBe(true);
    }
  });

  test("a failure gives the screen back before it is told", async () => {
    answer = (look) => (look === 2 ? refuse(status.PERMISSION_DENIED, "PERMISSION_DENIED") : STATS);
    const outcome = await monitor("", { screen: SCREEN });
    expect(outcome.exitCode).toBe(1);
    expect(outcome.output.endsWith("\u001b[?1049l")).toBe(true);
  });
});

describe("the frame", () => {
  const observation = {
    at: AT,
    target: "127.0.0.1:50051",
    stats: STATS,
    health: [
      { service: "", status: "SERVING" },
      { service: "curfew.v1.AuthService", status: "NOT_SERVING" },
    ],
  };

  test("tells everything, most frequent revocations first", () => {
    expect(renderFrame(observation, undefined, 80)).toEqual([
      "Curfew 127.0.0.1:50051   SERVING   2026-05-01T10:00:00Z",
      "",
      "Services      AuthService NOT_SERVING",
      "Stores        postgres UP   redis DOWN",
      "Sessions      live 1,234   idle 5   ended 40",
      "Last 60 min   logins 12   failed 3   refreshes 99",
      "Throttled     logins 2   accounts locked 1",
      "",
      "Ended in that time",
      `  ADMIN                     4  ${"█".repeat(24)}`,
      `  LOGOUT                    2  ${"█".repeat(12)}`,
      "",
      "Unusual",
      "  many_failed_logins  ann�[2J  30  in 5 minutes",
      "",
      "q or Ctrl-C ends this.",
    ]);
  });

  test("leaves out the stores of a server that does not tell of them", () => {
    const stats = { ...STATS, stores: [] };
    expect(renderFrame({ ...observation, stats }, undefined, 80).join("\n")).not.toMatch(/Stores/);
  });

  test("on a narrow screen what belongs together takes more lines", () => {
    const lines = renderFrame(observation, undefined, 40);
    expect(lines.slice(4, 9)).toEqual([
      "Sessions      live 1,234   idle 5",
      "              ended 40",
      "Last 60 min   logins 12   failed 3",
      "              refreshes 99",
      "Throttled     logins 2",
    ]);
    expect(lines.slice(-4, -2)).toEqual(["  many_failed_logins  ann�[2J  30", "  in 5 minutes"]);
  });

  test("fits the screen's width", () => {
    for (const line of renderFrame(observation, STATS, 20)) {
      expect([...line].length).toBeLessThanOrEqual(20);
    }
  });
});
