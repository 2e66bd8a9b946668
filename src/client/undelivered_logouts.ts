import type { AuthApi } from "./auth_api.js";
import { createDeadlineTimer } from "./deadline_timer.js";
import type { LogoutResult } from "./logout_result.js";
import { CONFIRMED, signOut } from "./sign_out.js";
import type { StoredSession } from "./stored_session.js";
import type { TokenStorage } from "./token_storage.js";

/** Logouts are kept until the server has heard of them, over reloads too. */
export interface UndeliveredLogouts {
  /** Keeps a logout. To be called before the session is forgotten. */
  add(stored: StoredSession): Promise<void>;
  /** Tells the server of all that are kept. Resolves to what became of the last; never rejects. */
  deliver(): Promise<LogoutResult>;
  /** Stops trying until the next `deliver`. */
  stop(): void;
}

const RETRY_MS = 30_000;

/**
 * Makes the list of a browser.
 *
 * @param onSettled told of each that needs no further attempt
 */
export function createUndeliveredLogouts(
  api: AuthApi,
  tokens: TokenStorage,
  onSettled: (result: LogoutResult) => void,
): UndeliveredLogouts {
  let flight: Promise<LogoutResult> | null = null;
  let hasMore = false;
  let isStopped = true;
  const timer = createDeadlineTimer(() => void deliver());

  const others = async (id: string) =>
    (await tokens.loadLogouts()).filter((each) => each.id !== id);

  async function run(): Promise<LogoutResult> {
    let last = CONFIRMED;
    hasMore = false;
    for (const stored of await tokens.loadLogouts()) {
      last = await signOut(api, stored);
      if (last.willRetry) {
        if (!isStopped) timer.set(Date.now() + RETRY_MS);
        return last;
      }
      await tokens.saveLogouts(await others(stored.id));
      onSettled(last);
    }
    // One may have been added meanwhile.
    return hasMore ? run() : last;
  }

  function deliver(): Promise<LogoutResult> {
    isStopped = false;
    flight ??= run().finally(() => {
      flight = null;
    });
    return flight;
  }

  return {
    deliver,
    async add(stored) {
      hasMore = true;
      await tokens.saveLogouts([...(await others(stored.id)), stored]);
    },
    stop() {
      isStopped = true;
      timer.clear();
    },
  };
}
