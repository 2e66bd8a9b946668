import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { UserAdminService } from "../../../generated/curfew/v1/user_admin.js";
import { AUDIT_EVENT_TYPES, type AuditEventType } from "../../../src/core/events/audit_event.js";
import { localAdmin } from "../../../src/main.js";
import { PASSWORD, startTestService, type TestService } from "../../support/service.js";

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ LOGIN_MAX_FAILURES: "3" });
  await service.query(`
    CREATE TABLE refused_events (type text);
    CREATE FUNCTION refuse_event() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN
        IF EXISTS (SELECT 1 FROM refused_events r WHERE r.type = NEW.type) THEN
          RAISE EXCEPTION 'the event is refused' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
      END $$;
    CREATE TRIGGER refuse_event BEFORE INSERT ON audit_events FOR EACH ROW
      EXECUTE FUNCTION refuse_event();`);
});
afterAll(() => service.stop());

/** Everything that a change could have left behind, but for counts of failures and what time alone changes. */
const state = async (): Promise<string> => {
  const rows = await service.query<{ text: string }>(`
    SELECT u.user_id::text || u.display_name || u.roles::text || u.is_active || coalesce(u.password_hash, '') AS text
      FROM users u
    UNION ALL SELECT s.session_id::text || s.refresh_generation || coalesce(s.end_reason, '') || s.jti
      FROM sessions s
    UNION ALL SELECT i.issuer || i.subject || i.user_id FROM identities i
    UNION ALL SELECT k.kid || k.state FROM keys k
    UNION ALL SELECT k.key_id || coalesce(k.revoked_at::text, '') FROM service_keys k
    UNION ALL SELECT t.key || t.attempts FROM login_throttle t WHERE t.key LIKE 'account:%' AND t.attempts > 0
    ORDER BY 1`);
  return rows.map(({ text }) => text).join("\n");
};

/** The identity of the user at another issuer. */
const identity = () => ({ userId, issuer: "https://idp.example", subject: userId });
const admin = () => service.adminKey;
let username: string;
let userId: string;
beforeEach(async () => {
  const user = await service.createUser();
  ({ username, userId } = user);
});

const login = (password = PASSWORD) =>
  service.call(AuthServiceService.login, { username, password, deviceName: "", language: "" });

/** For each type, the preparation and the change that the event records. */
const CHANGES: Partial<Record<AuditEventType, () => Promise<() => Promise<unknown>>>> = {
  LOGIN: async () => () => login(),
  LOGIN_FAILED: async () => () => login("a wrong passphrase"),
  ACCOUNT_LOCKED: async () => {
    for (let i = 0; i < 2; i++) await login("a wrong passphrase").catch(() => undefined);
    return () => login("a wrong passphrase");
  },
  ACCOUNT_UNLOCKED: async () => {
    for (let i = 0; i < 3; i++) await login("a wrong passphrase").catch(() => undefined);
    return () => service.call(UserAdminService.unlockUser, { userId }, admin());
  },
  REFRESHED: async () => {
    const { refreshToken } = await service.signIn(username);
    return () => service.call(AuthServiceService.refreshTokens, { refreshToken, language: "" });
  },
  REFRESH_REUSED: async () => {
    const { refreshToken } = await service.signIn(username);
    const refresh = (token: string) =>
      service.call(AuthServiceService.refreshTokens, { refreshToken: token, language: "" });
    const second = await refresh(refreshToken);
    const third = await refresh(second.refreshToken);
    await refresh(third.refreshToken);
    return () => refresh(refreshToken);
  },
  SESSION_ENDED: async () => {
    const { accessToken } = await service.signIn(username);
    return () => service.call(AuthServiceService.logout, { accessToken, language: "" });
  },
  PASSWORD_SET: async () => () =>
    service.call(
      UserAdminService.setPassword,
      { userId, password: "another fine passphrase" },
      admin(),
    ),
  USER_CREATED: async () => () =>
    service.call(
      UserAdminService.createUser,
      { username: `${username}-2`, password: PASSWORD, displayName: "", roles: [] },
      admin(),
    ),
  USER_UPDATED: async () => () =>
    service.call(
      UserAdminService.updateUser,
      {
        user: {
          userId,
          username: "",
          displayName: "changed",
          roles: [],
          isActive: true,
          createdAt: undefined,
          identities: [],
        },
        updateMask: ["display_name"],
      },
      admin(),
    ),
  USER_DELETED: async () => () => service.call(UserAdminService.deleteUser, { userId }, admin()),
  IDENTITY_LINKED: async () => () =>
    service.call(UserAdminService.linkIdentity, identity(), admin()),
  IDENTITY_UNLINKED: async () => {
    const request = identity();
    await service.call(UserAdminService.linkIdentity, request, admin());
    return () => service.call(UserAdminService.unlinkIdentity, request, admin());
  },
  SERVICE_KEY_CREATED: async () => () =>
    localAdmin.createServiceKey(service.settings, { name: "x", scopes: ["validate"] }),
  SERVICE_KEY_REVOKED: async () => {
    const { key } = await localAdmin.createServiceKey(service.settings, {
      name: "x",
      scopes: ["validate"],
    });
    return () => localAdmin.revokeServiceKey(service.settings, key.id);
  },
  SIGNING_KEY_CHANGED: async () => () =>
    localAdmin.rotateKey(service.settings, { use: "sign", immediately: true }),
};

/** The code of a failed call; OK: 0. */
const codeOf = async (change: () => Promise<unknown>): Promise<number | string> => {
  try {
    await change();
    return 0;
  } catch (failure) {
    return (failure as { code?: number | string }).code ?? "failed";
  }
};

/** Events about calls and patterns, which change nothing. */
const WITHOUT_A_CHANGE: readonly AuditEventType[] = ["CALL_DENIED", "UNUSUAL_ACTIVITY"];

test("every type of event that tells of a change is here", () => {
  const known = [...Object.keys(CHANGES), ...WITHOUT_A_CHANGE];
  expect(known.toSorted()).toEqual(AUDIT_EVENT_TYPES.toSorted());
});

describe("D7: an event that cannot be written undoes what it tells of", () => {
  const refuse = async (...types: string[]) => {
    await service.query("TRUNCATE refused_events");
    for (const type of types) await service.query("INSERT INTO refused_events VALUES ($1)", [type]);
  };

  test.each(Object.keys(CHANGES))("%s", async (type) => {
    const change = await CHANGES[type as AuditEventType]?.();
    if (change === undefined) throw new Error("unknown type");
    const before = await state();
    await refuse(type);
    expect([0, 14]).not.toContain(await codeOf(change));
    expect(await state()).toBe(before);
    await refuse();
    // Failed logins and reuse are refused also when all is well.
    expect([0, 8, 16]).toContain(await codeOf(change));
    expect(await state()).not.toBe(before);
  });
});
