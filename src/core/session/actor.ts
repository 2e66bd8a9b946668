import type { SessionActor } from "./session.js";

/** What every security event of a session says of who acts in it, as `metadata`. */
export const actingMetadata = (actor: SessionActor | undefined): Record<string, string> =>
  actor === undefined ? {} : { act: actor.userId, act_reason: actor.reason };
