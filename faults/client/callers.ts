import { setTimeout as wait } from "node:timers/promises";
import type { Call } from "../../src/core/call.js";
import { testCall } from "../../test/support/test_call.js";
import type { Random } from "../random.js";
import { TargetFailure } from "./target.js";

/** Those who call replicas in this process: they wait for the answer, or go away before it. */
export interface Callers {
  /** From now on callers disconnect at random moments within this many milliseconds; 0: they stay. */
  leaveWithin(ms: number): void;
  /** Makes a call, and rejects with CANCELLED if the caller disconnects first. The work may continue after that. */
  call<T>(work: (call: Call) => Promise<T>): Promise<T>;
  /** Resolves when no abandoned work is running. */
  idle(): Promise<void>;
}

/** Of all calls, how many are cancelled at some time while callers leave. */
const LEAVING = 0.4;
/** How many are cancelled when the work is done and its answer is about to be sent. */
const LEAVING_LATE = 0.4;

export const createCallers = (random: Random): Callers => {
  const going = new Set<Promise<unknown>>();
  let mostMs = 0;

  return {
    leaveWithin(ms) {
      mostMs = ms;
    },
    async call(work) {
      const call = testCall();
      const dice = mostMs === 0 ? 1 : random.next();
      let isGone = false;
      const leave = (): never => {
        isGone = true;
        call.leave();
        throw new TargetFailure("CANCELLED");
      };
      const answer = work(call).then((result) => {
        if (dice < LEAVING_LATE) leave();
        // Of answer and departure one comes first, for the caller and the replica alike.
        if (!isGone) call.receive();
        return result;
      });
      const settled = answer.catch(() => undefined).finally(() => going.delete(settled));
      going.add(settled);
      if (dice < LEAVING_LATE || dice >= LEAVING_LATE + LEAVING)
        return answer.catch((failure: unknown) => {
          call.leave();
          throw failure;
        });
      return Promise.race([answer, wait(random.below(mostMs)).then(leave)]);
    },
    async idle() {
      while (going.size > 0) await Promise.all(going);
    },
  };
};
