import type { Session } from "./session.js";

/** How sure the service is of who the user is, as an access token says it. */
export interface Assurance {
  readonly amr: readonly string[];
  readonly acr: string | undefined;
  /** When `acr` stops to count, on a whole second, in milliseconds since the epoch; Infinity: never. */
  readonly expiresAt: number;
}

/** The assurance of a session at `now`: an elevation never outlives its time (I3). */
export const assuranceAt = (
  session: Pick<Session, "amr" | "acr" | "acrExpiresAt" | "elevatedAmr">,
  now: number,
): Assurance => {
  const { amr, acr, acrExpiresAt = Number.POSITIVE_INFINITY, elevatedAmr = [] } = session;
  const expiresAt = Math.floor(acrExpiresAt / 1000) * 1000;
  if (acr === undefined || now >= expiresAt)
    return { amr, acr: undefined, expiresAt: Number.POSITIVE_INFINITY };
  return { amr: [...new Set([...amr, ...elevatedAmr])], acr, expiresAt };
};
