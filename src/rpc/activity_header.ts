import type { CallContext } from "./call_context.js";

/** Metadata of a call that is the application's own, such as polling: the user may be away. */
export const SKIP_ACTIVITY = "x-skip-activity";

/** Whether the caller requests that this call does not count as a use of its session. */
export const skipsActivity = (call: CallContext): boolean => call.header(SKIP_ACTIVITY) === "true";
