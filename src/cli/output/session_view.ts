import {
  EndReason_Value,
  type Session,
  Session_State,
} from "../../../generated/curfew/v1/session.js";
import { instant } from "./printable.js";
import { renderPairs, renderTable } from "./table.js";

const endReason = (session: Session): string =>
  session.endReason === EndReason_Value.UNSPECIFIED
    ? ""
    : (EndReason_Value[session.endReason] ?? "");

/** A session as JSON. */
export const sessionDocument = (session: Session) => ({
  session_id: session.sessionId,
  user_id: session.userId,
  state: Session_State[session.state],
  created_at: session.createdAt,
  last_activity_at: session.lastActivityAt,
  idle_expires_at: session.idleExpiresAt,
  expires_at: session.expiresAt,
  revoked_at: session.revokedAt,
  end_reason: EndReason_Value[session.endReason],
  ended_by: session.endedBy,
  device: session.device,
  ip: session.ip,
  user_agent: session.userAgent,
  current: session.current,
});

/** Sessions as a table. */
export const sessionTable = (sessions: readonly Session[]): string =>
  renderTable(
    ["SESSION", "USER", "STATE", "CREATED", "LAST USED", "EXPIRES", "IP", "DEVICE", "ENDED BY"],
    sessions.map((session) => [
      session.sessionId,
      session.userId,
      Session_State[session.state] ?? "",
      instant(session.createdAt),
      instant(session.lastActivityAt),
      instant(session.expiresAt),
      session.ip,
      session.device,
      session.endReason === EndReason_Value.UNSPECIFIED
        ? ""
        : `${endReason(session)} (${session.endedBy})`,
    ]),
  );

/** One session in full. */
export const sessionDetails = (session: Session): string =>
  renderPairs([
    ["session", session.sessionId],
    ["user", session.userId],
    ["state", Session_State[session.state] ?? ""],
    ["signed in", instant(session.createdAt)],
    ["last used", instant(session.lastActivityAt)],
    ["idle from", instant(session.idleExpiresAt)],
    ["expires", instant(session.expiresAt)],
    ...(session.endReason === EndReason_Value.UNSPECIFIED
      ? []
      : ([
          ["ended", instant(session.revokedAt)],
          ["end reason", endReason(session)],
          ["ended by", session.endedBy],
        ] as const)),
    ["address", session.ip],
    ["device", session.device],
    ["user agent", session.userAgent],
  ]);
