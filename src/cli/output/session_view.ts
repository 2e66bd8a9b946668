import {
  EndReason_Value,
  type Session,
  Session_State,
} from "../../../generated/curfew/v1/session.js";
import { ago, instant } from "./printable.js";
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

/** How sessions are shown. */
export interface SessionTableOptions {
  /** Names by user id; a user without one is shown by the id. */
  readonly usernames: ReadonlyMap<string, string>;
  readonly now: number;
  /** The width of the screen that it is for; undefined: it is written in full. */
  readonly columns?: number | undefined;
}

/** Longest username that a screen shows in full. */
const MAX_NAME = 12;

const shortened = (name: string): string =>
  [...name].length <= MAX_NAME ? name : `${[...name].slice(0, MAX_NAME - 1).join("")}…`;

/** Sessions as a table: the newest facts first, so that a screen of 100 columns shows what matters. */
export const sessionTable = (
  sessions: readonly Session[],
  { usernames, now, columns }: SessionTableOptions,
): string => {
  const nameOf = ({ userId }: Session): string => usernames.get(userId) ?? userId;
  const table = renderTable(
    ["SESSION", "USER", "STATE", "SINCE", "USED", "IP", "DEVICE", "ENDED BY"],
    sessions.map((session) => [
      session.sessionId,
      columns === undefined ? nameOf(session) : shortened(nameOf(session)),
      Session_State[session.state] ?? "",
      ago(session.createdAt, now),
      ago(session.lastActivityAt, now),
      session.ip,
      session.device,
      session.endReason === EndReason_Value.UNSPECIFIED
        ? ""
        : `${endReason(session)} (${session.endedBy})`,
    ]),
  );
  return columns === undefined ? table : fitted(table, columns);
};

const fitted = (table: string, columns: number): string =>
  table
    .split("\n")
    .map((line) => [...line].slice(0, columns).join("").trimEnd())
    .join("\n");

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
