import type { EndReason } from "../session/session.js";

/** One revocation as watchers receive it. Times are milliseconds since the epoch. */
export interface Revocation {
  /** Place in the order of all revocations. */
  readonly revision: bigint;
  readonly sessionId: string;
  readonly userId: string;
  readonly reason: EndReason;
  readonly at: number;
  /** The time at which the last affected access token expires. */
  readonly relevantUntil: number;
}

/**
 * A watermark: every revoking operation that answered OK before `at` has been delivered, and every revocation up to
 * `revision`.
 */
export interface Watermark {
  readonly revision: bigint;
  readonly at: number;
}

export type RevocationEvent =
  | { readonly kind: "revocation"; readonly revocation: Revocation }
  | { readonly kind: "watermark"; readonly watermark: Watermark };

/** A page of the order of revocations: everything in it that matters. */
export interface RevocationPage {
  readonly revocations: readonly Revocation[];
  /** Where it ends. */
  readonly through: bigint;
  /** Whether more follows at once. */
  readonly more: boolean;
  /** A moment before the read, if no revocation was left to deliver then. */
  readonly completeAt: number | undefined;
}
