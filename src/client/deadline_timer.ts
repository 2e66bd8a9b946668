import { letProcessEnd } from "./let_process_end.js";

/** Calls back once when the clock reaches a moment. */
export interface DeadlineTimer {
  /** Sets or moves the moment, in milliseconds since the epoch. */
  set(at: number): void;
  clear(): void;
  /** Calls back at once if the moment has passed: timers stand still while a machine sleeps. */
  check(): void;
}

/** Longer delays overflow to 1 ms (HTML timers are 32 bits). */
const LONGEST_DELAY = 2 ** 31 - 1;

/** A timer that survives sleep, delays beyond 24.8 days and browsers that fire early. */
export function createDeadlineTimer(onDue: () => void): DeadlineTimer {
  let handle: ReturnType<typeof setTimeout> | undefined;
  let moment: number | null = null;
  function clear(): void {
    clearTimeout(handle);
    moment = null;
  }
  function check(): void {
    if (moment === null) return;
    if (Date.now() < moment) set(moment);
    else {
      clear();
      onDue();
    }
  }
  function set(at: number): void {
    clearTimeout(handle);
    moment = at;
    handle = setTimeout(check, Math.min(Math.max(0, at - Date.now()), LONGEST_DELAY));
    letProcessEnd(handle);
  }
  return { set, clear, check };
}
