import { openSessions } from "../../test/integration/guarantees/open_sessions.js";
import type { CoreReplica } from "../../test/support/core_replica.js";
import type { KnownSession, KnownUser } from "../client/recording_client.js";
import type { Recorder } from "../history/recorder.js";

/** Makes sessions all at once and records each as a login. */
export const openInBulk = async (
  replica: CoreReplica,
  recorder: Recorder,
  user: KnownUser,
  count: number,
): Promise<KnownSession[]> => {
  const account = await replica.ports.users.get(user.id);
  if (account === undefined) throw new Error(`there is no user ${user.id}`);
  const { answer, start, end } = await recorder.timed(() => openSessions(replica, account, count));
  const { accessTtlMs } = replica.settings;
  // On whole seconds.
  const expiry = { earliest: start + accessTtlMs - 1000, latest: end + accessTtlMs + 1000 };
  return answer.map(({ id, accessToken }) => {
    const refreshToken = replica.ports.codec.mint({
      sessionId: id,
      generation: 1,
      keyTag: undefined,
    });
    recorder.add({
      operation: "login",
      replica: "setup",
      user: user.id,
      rightPassword: true,
      start,
      end,
      answer: { kind: "ok", session: id, successor: refreshToken, expiry, evicted: [] },
    });
    return {
      id,
      user,
      accessTokens: [{ text: accessToken, expiry }],
      refreshTokens: [refreshToken],
    };
  });
};
