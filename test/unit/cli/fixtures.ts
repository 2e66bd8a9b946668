import { EndReason_Value, Session, Session_State } from "../../../generated/curfew/v1/session.js";
import { User } from "../../../generated/curfew/v1/user.js";

export const AT = new Date("2026-05-01T10:00:00.000Z");

export const ANN = User.fromPartial({
  userId: "0190f5b0-0000-7000-8000-000000000001",
  username: "Ann",
  displayName: "Ann Example",
  roles: ["admin"],
  isActive: true,
  createdAt: AT,
});

export const BOB = User.fromPartial({
  ...ANN,
  userId: "0190f5b0-0000-7000-8000-000000000002",
  username: "bob",
  displayName: "",
  roles: [],
});

export const LIVE = Session.fromPartial({
  sessionId: "0190f5b0-0000-7000-8000-00000000000a",
  userId: ANN.userId,
  state: Session_State.ACTIVE,
  createdAt: AT,
  lastActivityAt: AT,
  idleExpiresAt: AT,
  expiresAt: AT,
  device: "laptop",
  ip: "192.0.2.1",
});

export const ENDED = Session.fromPartial({
  ...LIVE,
  sessionId: "0190f5b0-0000-7000-8000-00000000000b",
  state: Session_State.REVOKED,
  revokedAt: AT,
  endReason: EndReason_Value.ADMIN,
  endedBy: "service:ops",
});
