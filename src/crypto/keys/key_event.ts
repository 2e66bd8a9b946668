import type { AuditEvent } from "../../core/events/audit_event.js";
import type { KeyUse } from "../../core/ports/key_store.js";

/** A change to a key. */
export type KeyChangeKind = "create" | "rotate" | "activate" | "retire";

/** The event of a change that the service, or an operator on its machine, makes. */
export const keyEvent = (
  kid: string,
  use: KeyUse,
  change: KeyChangeKind,
  at: number,
): AuditEvent => ({
  type: "SIGNING_KEY_CHANGED",
  at,
  actor: "system",
  metadata: { kid, use, change },
});
