import type { AuditEvent } from "../audit_event.js";

/** The patterns that are looked for. */
export const PATTERN_KINDS = [
  "many_failed_logins",
  "many_failed_logins_from_address",
  "new_device",
  "address_changed",
  "refresh_reuse",
  "revocation_burst",
] as const;
export type PatternKind = (typeof PATTERN_KINDS)[number];

/** A pattern that an operator should check. */
export interface UnusualPattern {
  readonly kind: PatternKind;
  /** The user, the place and the time that the pattern concerns, as its event reports them. */
  readonly event: Pick<AuditEvent, "at" | "userId" | "sessionId" | "actor" | "ip">;
  readonly metadata: Readonly<Record<string, string>>;
}
