import { overloaded } from "../../core/errors.js";
import type { Interceptor } from "./interceptor.js";

/** Refuses calls beyond so many at once, over all connections, instead of queueing them (D5). */
export const loadLimit = (mostCalls: number): Interceptor => {
  let calls = 0;
  return {
    admit: () => {
      calls += 1;
      if (calls > mostCalls) throw overloaded(undefined, "too many calls at once");
    },
    done: () => {
      calls -= 1;
    },
  };
};
