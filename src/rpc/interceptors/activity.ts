import type { SessionCaller } from "../../core/caller/caller.js";
import { skipsActivity } from "../activity_header.js";
import type { Interceptor } from "./interceptor.js";

/** Notes that a session was used now. In memory; returns at once. */
export type TrackActivity = (caller: SessionCaller) => void;

/**
 * Counts every call with a good access token as a use of its session, unless the caller opts out (`x-skip-activity:
 * true`).
 */
export const activity = (track: TrackActivity): Interceptor => ({
  admit: (ctx) => {
    if (ctx.caller.kind === "session" && !skipsActivity(ctx)) track(ctx.caller);
  },
});
