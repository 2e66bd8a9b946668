import { status } from "@grpc/grpc-js";
import { openProgress } from "../../output/progress.js";
import { counted, jsonNumber, type Report } from "../../output/report.js";
import type { Connection } from "../../rpc/connection.js";
import { RpcFailure } from "../../rpc/rpc_failure.js";
import type { Terminal } from "../../terminal.js";

/** What became of one id. */
interface Outcome {
  readonly sessionId: string;
  /** Absent: it was not ended. */
  readonly revision?: bigint;
  readonly failure?: RpcFailure;
}

/** Failures that are about one id; any other would meet the next id too. */
const isAboutTheId = ({ code }: RpcFailure): boolean =>
  code === status.NOT_FOUND || code === status.INVALID_ARGUMENT;

const documentOf = ({ sessionId, revision, failure }: Outcome) => ({
  session_id: sessionId,
  revoked: revision !== undefined,
  ...(revision === undefined ? {} : { revision: jsonNumber(revision) }),
  ...(failure === undefined
    ? {}
    : { error: { reason: failure.reason ?? status[failure.code], message: failure.message } }),
});

const textOf = ({ sessionId, revision, failure }: Outcome): string => {
  if (revision !== undefined) return `${sessionId}  ended`;
  return `${sessionId}  not ended: ${failure?.message ?? "not tried, because of the failure before it"}`;
};

const summarise = (outcomes: readonly Outcome[]): Report & { readonly isComplete: boolean } => {
  const ended = outcomes.filter(({ revision }) => revision !== undefined);
  let revision = 0n;
  for (const { revision: next = 0n } of ended) if (next > revision) revision = next;
  const isComplete = ended.length === outcomes.length;
  const sentence = isComplete
    ? `Ended ${counted(ended.length, "session")}.`
    : `Ended ${ended.length} of ${counted(outcomes.length, "session")}.`;
  return {
    isComplete,
    document: {
      revoked_sessions: ended.length,
      revision: jsonNumber(revision),
      sessions: outcomes.map(documentOf),
    },
    text: isComplete ? sentence : [...outcomes.map(textOf), sentence].join("\n"),
  };
};

/**
 * Revokes sessions one after another and reports the result for each id. An unknown id does not stop the command. A
 * failure that would stop every other id too, such as an outage, does.
 *
 * @throws RpcFailure when the first one meets a failure that is not about its id: then nothing was done
 */
export const revokeById = async (
  { sessions, call }: Connection,
  ids: readonly string[],
  note: string,
  { errors }: Terminal,
): Promise<Report & { readonly isComplete: boolean }> => {
  const different = [...new Set(ids)];
  const outcomes: Outcome[] = [];
  let stopped = false;
  const progress = openProgress(errors, { label: "Ending sessions", total: different.length });
  try {
    for (const sessionId of different) {
      if (stopped) {
        outcomes.push({ sessionId });
        continue;
      }
      try {
        const revoke = sessions.revokeSession.bind(sessions);
        const { revision } = await call(revoke, { sessionId, note });
        outcomes.push({ sessionId, revision });
      } catch (failure) {
        if (!(failure instanceof RpcFailure)) throw failure;
        stopped = !isAboutTheId(failure);
        if (stopped && outcomes.length === 0) throw failure;
        outcomes.push({ sessionId, failure });
      }
      progress.update(outcomes.length);
    }
  } finally {
    progress.stop();
  }
  return summarise(outcomes);
};
