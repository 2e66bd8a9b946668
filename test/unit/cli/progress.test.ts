import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { openProgress } from "../../../src/cli/output/progress.js";
import { run } from "./recording_terminal.js";
import { answering, startStubServer } from "./stub_server.js";

const SCREEN = { columns: 80, rows: 24 };

const screen = (isTTY: boolean) => Object.assign(new PassThrough(), { isTTY, ...SCREEN });
const ERASE = "\u001b[K";
const shown = (stream: PassThrough): string => String(stream.read() ?? "");

/** Renders the written text as a terminal of that width would: carriage return, erase, wrap, new line. */
const render = (written: string, columns: number): string[] => {
  const lines: string[] = [""];
  let [row, column] = [0, 0];
  const pieces = written.replaceAll(ERASE, "\v").split(/([\r\n\v])/);
  for (const piece of pieces) {
    if (piece === "\r") column = 0;
    else if (piece === "\n") [row, column] = [row + 1, 0];
    else if (piece === "\v") lines[row] = (lines[row] ?? "").slice(0, column);
    else
      for (const letter of piece) {
        if (column === columns) [row, column] = [row + 1, 0];
        const line = (lines[row] ?? "").padEnd(column);
        lines[row] = line.slice(0, column) + letter + line.slice(column + 1);
        column += 1;
      }
    lines[row] ??= "";
  }
  return lines;
};

test("a bar is drawn on a terminal, lines stand above it, and nothing of it is left at the end", () => {
  const stream = screen(true);
  const progress = openProgress(stream, { label: "Importing", total: 200 });
  progress.update(100, "7 users");
  progress.tell("line 3: bad");
  const during = shown(stream);
  // It saves no position of the cursor.
  expect(during.replaceAll(ERASE, "")).not.toContain("\u001b");
  expect(render(during, 80)).toEqual([
    "line 3: bad",
    `Importing  ${"█".repeat(15)}${"░".repeat(15)} 50%  7 users`,
  ]);
  progress.stop();
  expect(render(during + shown(stream), 80)).toEqual(["line 3: bad", ""]);
});

test("refused rows beside a bar corrupt no screen, however narrow it is", () => {
  for (const columns of [20, 80, 110]) {
    const stream = Object.assign(screen(true), { columns });
    const progress = openProgress(stream, { label: "Importing", total: 60_000 });
    const told = Array.from({ length: 12 }, (_, row) => `line ${row}: bad`);
    for (const [row, line] of told.entries()) {
      progress.update(row * 5_000, `${row * 5_000} users and a long note that goes on and on`);
      progress.tell(line);
    }
    progress.stop();
    expect(render(shown(stream), columns)).toEqual([...told, ""]);
  }
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
            callback(null, { matchedSessions: 40, revokedSessions: 40, revision: 5n, more: false });
          }, 5);
          return;
        }
        callback(null, { matchedSessions: left, revokedSessions: 0, revision: 0n, more: false });
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
    expect(JSON.parse(outcome.output)).toEqual({ revoked_sessions: 40, revision: 5 });
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
