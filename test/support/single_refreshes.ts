import type { SessionStore } from "../../src/core/ports/session_store.js";

/** A store in which no refresh shares a transaction: each is decided in one of its own. */
export const singleRefreshes: Pick<SessionStore, "rotate"> = {
  rotate: async (rotations) => rotations.map(() => undefined),
};
