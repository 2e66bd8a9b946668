import {
  EndReason_Value,
  type Session as PbSession,
  Session_State,
} from "../../../generated/curfew/v1/session.js";
import { assuranceAt } from "../../core/session/assurance.js";
import type { EndReason, Session, SessionState } from "../../core/session/session.js";
import { idleTimeoutOf, sessionState } from "../../core/session/session.js";

/** How the messages of a server see sessions. */
export interface SessionView {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly idleTimeoutMs: number;
  /** The caller's session; empty: none. */
  readonly currentSessionId: string;
}

export const date = (at: number): Date => new Date(at);

export const stateToProto = (state: SessionState): Session_State => Session_State[state];

export const reasonToProto = (reason: EndReason): EndReason_Value => EndReason_Value[reason];

export const stateFromProto = (state: Session_State): SessionState | undefined =>
  state === Session_State.ACTIVE
    ? "ACTIVE"
    : state === Session_State.IDLE_TIMEOUT
      ? "IDLE_TIMEOUT"
      : state === Session_State.EXPIRED
        ? "EXPIRED"
        : state === Session_State.REVOKED
          ? "REVOKED"
          : undefined;

export const sessionToProto = (session: Session, view: SessionView): PbSession => {
  const { amr, acr = "" } = assuranceAt(session, view.now);
  const idleTimeoutMs = idleTimeoutOf(session, view.idleTimeoutMs);
  return {
    sessionId: session.id,
    userId: session.userId,
    state: stateToProto(sessionState(session, view.now, view.idleTimeoutMs)),
    createdAt: date(session.createdAt),
    lastActivityAt: date(session.lastActivityAt),
    idleExpiresAt: date(Math.min(session.lastActivityAt + idleTimeoutMs, session.expiresAt)),
    expiresAt: date(session.expiresAt),
    revokedAt: session.end && date(session.end.at),
    endReason: session.end ? reasonToProto(session.end.reason) : EndReason_Value.UNSPECIFIED,
    endedBy: session.end?.by ?? "",
    device: session.device,
    ip: session.ip,
    userAgent: session.userAgent,
    current: session.id === view.currentSessionId,
    clientId: session.clientId,
    amr: [...amr],
    acr,
    authTime: date(session.authTime),
    actor: session.actor && { ...session.actor, sessionId: session.actor.sessionId ?? "" },
  };
};
