import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { openProgress } from "../../../src/cli/output/progress.js";
import { run } from "./recording_terminal.js";
import { answering, startStubServer } from "./stub_server.js";

const SCREEN = { columns: 80, rows: 24 };

const screen = (isTTY: boolean) => Object.assign(new PassThrough(), { isTTY, ...SCREEN });
const shown = (stream: PassThrough): string => String(stream.read() ?? "");

test("a bar is drawn on a terminal and removed at the end, and lines stand above it", () => {
  const stream = screen(true);
  const progress = openProgress(stream, { label: "Importing", total: 200 });
  progress.update(100, "7 users");
  progress.tell("line 3: bad");
  progress.stop();
  const text = shown(stream);
  expect(text).toMatch(/Importing {2}█{15}░{15} 50% {2}7 users/);
  expect(text).toContain("\r\u001b[Kline 3: bad\n");
  const removed = text.slice(text.lastIndexOf("Importing"));
  expect(removed.includes("\u001b[0K") || removed.includes("\u001b[0J")).toBe(true);
});

test("without a terminal only lines are written", () => {
  const stream = screen(false);
  const progress = openProgress(stream, { label: "Importing", total: 200 });
  progress.update(100);
  progress.tell("line 3: bad");
  progress.stop();
  expect(shown(stream)).toBe("line 3: bad\n");
});

test("ending many sessions shows how many are left, and --json stays a document", async () => {
  let left = 40;
  const server = await startStubServer({
    sessions: {
      revokeSessions: (call, callback) => {
        const { dryRun } = call.request;
        if (!dryRun) {
          // Answers once it has been looked at a few times.
          const poll = setInterval(() => {
            if (left > 10) return;
            clearInterval(poll);
            callback(null, { matchedSessions: 40, revokedSessions: 40, revision: 5n });
          }, 5);
          return;
        }
        callback(null, { matchedSessions: left, revokedSessions: 0, revision: 0n });
        if (left > 10) left -= 10;
      },
      cleanupSessions: answering(() => ({ cleanedSessions: 3 })),
    },
  });
  try {
    const words = ["--all", "--yes", "--json", "--token", "t", "--target", server.target];
    const outcome = await run(["sessions", "revoke", ...words], {
      screen: SCREEN,
      onWait: () => undefined,
    });
    expect(outcome.exitCode).toBe(0);
    expect(JSON.parse(outcome.output)).toEqual({ revoked_sessions: 40, revision: "5" });
    expect(outcome.errors).toContain("Ending sessions");
    const cleanup = await run(["sessions", "cleanup", "--token", "t", "--target", server.target], {
      screen: SCREEN,
    });
    expect(cleanup.output).toBe("Cleaned 3 sessions.\n");
    expect(cleanup.errors).toContain("Cleaning up");
  } finally {
    server.close();
  }
});
