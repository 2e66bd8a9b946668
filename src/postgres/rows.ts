import type { EndReason, Session, SessionEnd } from "../core/session/session.js";
import type { Account, User } from "../core/users/user.js";

/** A row of `sessions`. */
export interface SessionRow {
  session_id: string;
  user_id: string;
  created_at: Date;
  last_activity_at: Date;
  expires_at: Date;
  access_expires_at: Date;
  jti: string;
  device: string;
  ip: string;
  user_agent: string;
  client_id: string;
  amr: string[];
  auth_time: Date | null;
  acr: string | null;
  acr_expires_at: Date | null;
  elevated_amr: string[] | null;
  /** bigint, as pg gives it. */
  idle_timeout_ms: string | null;
  actor_user_id: string | null;
  actor_session_id: string | null;
  actor_reason: string | null;
  refresh_generation: number;
  rotated_at: Date;
  previous_rotated_at: Date;
  /** The generation that no caller is known to have received; it counts if it is the newest. */
  unanswered_generation: number | null;
  revoked_at: Date | null;
  end_reason: EndReason | null;
  ended_by: string | null;
  /** bigint, as pg gives it: it outgrows doubles. */
  revision: string | null;
}

/** The columns of a SessionRow: those and no others are read, since the table may have more. */
export const SESSION_COLUMNS = [
  "session_id",
  "user_id",
  "created_at",
  "last_activity_at",
  "expires_at",
  "access_expires_at",
  "jti",
  "device",
  "ip",
  "user_agent",
  "client_id",
  "amr",
  "auth_time",
  "acr",
  "acr_expires_at",
  "elevated_amr",
  "idle_timeout_ms",
  "actor_user_id",
  "actor_session_id",
  "actor_reason",
  "refresh_generation",
  "rotated_at",
  "previous_rotated_at",
  "unanswered_generation",
  "revoked_at",
  "end_reason",
  "ended_by",
  "revision",
] as const;

const USER_COLUMNS = [
  "user_id",
  "username",
  "display_name",
  "roles",
  "is_active",
  "password_hash",
  "created_at",
] as const;

const of = (columns: readonly string[], table: string): string =>
  columns.map((column) => `${table}.${column}`).join(", ");

/** The columns of a SessionRow, as SQL, of a table or its alias. */
export const sessionColumns = (table: string): string => of(SESSION_COLUMNS, table);

/** The columns of a UserRow, as SQL, of a table or its alias. */
export const userColumns = (table: string): string => of(USER_COLUMNS, table);

/** A row of `users`. */
export interface UserRow {
  user_id: string;
  username: string;
  display_name: string;
  roles: string[];
  is_active: boolean;
  password_hash: string | null;
  created_at: Date;
}

type EndColumns = Pick<SessionRow, "revoked_at" | "end_reason" | "ended_by" | "revision">;

export const endFromRow = (row: EndColumns): SessionEnd | undefined =>
  row.revoked_at && row.end_reason
    ? {
        reason: row.end_reason,
        at: row.revoked_at.getTime(),
        by: row.ended_by ?? "",
        revision: BigInt(row.revision ?? 0),
      }
    : undefined;

type ContextColumns = Pick<
  SessionRow,
  | "acr"
  | "acr_expires_at"
  | "elevated_amr"
  | "idle_timeout_ms"
  | "actor_user_id"
  | "actor_session_id"
  | "actor_reason"
>;

/** What few sessions have; nothing of it is set where its column is empty. */
export const contextFromRow = (
  row: ContextColumns,
): Pick<Session, "acr" | "acrExpiresAt" | "elevatedAmr" | "idleTimeoutMs" | "actor"> => ({
  ...(row.acr !== null && { acr: row.acr }),
  ...(row.acr_expires_at && { acrExpiresAt: row.acr_expires_at.getTime() }),
  ...(row.elevated_amr && { elevatedAmr: row.elevated_amr }),
  ...(row.idle_timeout_ms !== null && { idleTimeoutMs: Number(row.idle_timeout_ms) }),
  ...(row.actor_user_id !== null && {
    actor: {
      userId: row.actor_user_id,
      sessionId: row.actor_session_id ?? undefined,
      reason: row.actor_reason ?? "",
    },
  }),
});

export const sessionFromRow = (row: SessionRow): Session => ({
  id: row.session_id,
  userId: row.user_id,
  createdAt: row.created_at.getTime(),
  lastActivityAt: row.last_activity_at.getTime(),
  expiresAt: row.expires_at.getTime(),
  accessExpiresAt: row.access_expires_at.getTime(),
  jti: row.jti,
  device: row.device,
  ip: row.ip,
  userAgent: row.user_agent,
  clientId: row.client_id,
  amr: row.amr,
  authTime: (row.auth_time ?? row.created_at).getTime(),
  ...contextFromRow(row),
  refresh: {
    // A column that was widened to bigint is read as text.
    generation: Number(row.refresh_generation),
    rotatedAt: row.rotated_at.getTime(),
    previousRotatedAt: row.previous_rotated_at.getTime(),
    // A replica of an older version rotates without a mark: its answers count as sent.
    ...(row.unanswered_generation === row.refresh_generation && { isUnanswered: true }),
  },
  end: endFromRow(row),
});

export const userFromRow = (row: UserRow): User => ({
  id: row.user_id,
  username: row.username,
  displayName: row.display_name,
  roles: row.roles,
  isActive: row.is_active,
  createdAt: row.created_at.getTime(),
});

export const accountFromRow = (row: UserRow): Account => ({
  ...userFromRow(row),
  passwordHash: row.password_hash ?? undefined,
});

export const isUuid = (text: string): boolean =>
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text);
