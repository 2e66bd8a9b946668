import type { RevokeSessionsRequest } from "../../../../generated/curfew/v1/session_admin.js";
import { openProgress } from "../../output/progress.js";
import { counted } from "../../output/report.js";
import type { Connection } from "../../rpc/connection.js";
import type { Terminal } from "../../terminal.js";

const LOOK_EVERY_MS = 1_000;

/** Resolves to the number of live sessions that match a request, without revoking any. */
export const countMatching = async (
  { sessions, call }: Connection,
  request: RevokeSessionsRequest,
): Promise<number> => {
  const revoke = sessions.revokeSessions.bind(sessions);
  return (await call(revoke, { ...request, dryRun: true })).matchedSessions;
};

/**
 * Does the work that ends all sessions that match, and shows on a terminal how
 * many are left meanwhile. `matching`: how many there were, if that was counted.
 */
export const withRevocationProgress = async <T>(
  connection: Connection,
  terminal: Terminal,
  request: RevokeSessionsRequest,
  matching: number | undefined,
  work: () => Promise<T>,
): Promise<T> => {
  if (!terminal.errors.isTTY) return work();
  const total = matching ?? (await countMatching(connection, request));
  const progress = openProgress(terminal.errors, { label: "Ending sessions", total });
  const done = new AbortController();
  const look = async (): Promise<void> => {
    while (!done.signal.aborted) {
      await terminal.wait(LOOK_EVERY_MS, done.signal);
      if (done.signal.aborted) return;
      const left = await countMatching(connection, request);
      progress.update(Math.max(0, total - left), `${counted(left, "session")} left`);
    }
  };
  // A failure here must not stop the command: the answer is only displayed.
  const looking = look().catch(() => undefined);
  try {
    return await work();
  } finally {
    done.abort();
    await looking;
    progress.stop();
  }
};
