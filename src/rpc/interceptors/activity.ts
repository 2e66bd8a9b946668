import type { SessionCaller } from "../../core/caller.js";
import type { Interceptor } from "./interceptor.js";

/** Notes that a session was used now. In memory; returns at once. */
export type TrackActivity = (caller: SessionCaller) => void;

/** Counts every call that comes with a good access token as a use of its session. */
export const activity = (track: TrackActivity): Interceptor => ({
  admit: ({ caller }) => {
    if (caller.kind === "session") track(caller);
  },
});
