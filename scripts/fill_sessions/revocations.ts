import { LoginRequest, type LoginResponse } from "../../generated/curfew/v1/auth_service.js";
import { RevokeSessionsRequest, SessionFilter } from "../../generated/curfew/v1/session_admin.js";
import { bearer, call, clientsOf } from "./call.js";
import { type Latency, timed } from "./latency.js";
import type { Measured } from "./measurements.js";

/** Sessions that one call of RevokeSessions is to end. */
const PAGE = 1000;
const PAGES = 20;
const DRY_RUNS = 5;
const MINUTE_MS = 60_000;

/** RevokeSessions with filters that match nearly all sessions, and with one that matches hardly any. */
export const measureRevocations = async ({
  port,
  username,
  password,
}: Measured): Promise<Latency[]> => {
  const { auth, admin } = clientsOf(port);
  const { accessToken } = await call<LoginRequest, LoginResponse>(
    auth,
    auth.login,
    LoginRequest.create({ username, password, deviceName: "fill" }),
  );
  const metadata = bearer(accessToken);
  const ago = (minutes: number): Date => new Date(Date.now() - minutes * MINUTE_MS);
  // The administrator's own session is younger.
  const all = SessionFilter.create({ createdBefore: ago(1) });
  const few = SessionFilter.create({ createdBefore: ago(1), ip: "203.0.113.250" });
  const revoke = (given: Partial<RevokeSessionsRequest>) =>
    call(
      admin,
      admin.revokeSessions,
      RevokeSessionsRequest.create({ note: "measured", ...given }),
      metadata,
    );
  const times = (count: number) => Array.from({ length: count }, () => undefined);
  const results = [
    await timed("RevokeSessions, nearly all, dry run: counts", times(DRY_RUNS), () =>
      revoke({ filter: all, dryRun: true }),
    ),
    await timed(`RevokeSessions, nearly all, ${PAGE} a call`, times(PAGES), () =>
      revoke({ filter: all, maxSessions: PAGE }),
    ),
    await timed("RevokeSessions, hardly any", times(DRY_RUNS), () => revoke({ filter: few })),
  ];
  auth.close();
  admin.close();
  return results;
};
