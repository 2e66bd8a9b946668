import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  AuthServiceService,
  CreateSessionRequest,
} from "../../../generated/curfew/v1/auth_service.js";
import { SessionAdminService } from "../../../generated/curfew/v1/session_admin.js";
import { UserAdminService } from "../../../generated/curfew/v1/user_admin.js";
import { parseServiceKey } from "../../../src/crypto/service_key.js";
import { localAdmin } from "../../../src/main.js";
import { PASSWORD, startTestService, type TestService } from "../../support/service.js";
import { waitUntil } from "../../support/wait_until.js";

const WRONG = "this is not the password";
const ALLOWED = 3;

let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    LOGIN_MAX_FAILURES: String(ALLOWED),
    MAX_CONCURRENT_SESSIONS: "3",
    REFRESH_GRACE_SECONDS: "300",
  });
});
afterAll(() => service?.stop());

interface Subject {
  readonly userId: string;
  readonly username: string;
}

/** The outcome does not matter here: the events of it do. */
const attempt = (call: Promise<unknown>): Promise<unknown> => call.catch(() => undefined);

const signIn = ({ username }: Subject) => service.signIn(username);
const login = (username: string, password: string) =>
  service.call(AuthServiceService.login, { username, password, language: "", deviceName: "" });
const refresh = (refreshToken: string) =>
  service.call(AuthServiceService.refreshTokens, { refreshToken, language: "" });
const logout = (accessToken: string) =>
  service.call(AuthServiceService.logout, { accessToken, language: "" });
const changePassword = (token: string, currentPassword: string, newPassword: string) =>
  service.call(AuthServiceService.changePassword, { currentPassword, newPassword }, token);
const validate = (accessToken: string) => {
  const request = { accessToken, audience: "", skipActivity: false };
  return service.call(AuthServiceService.validateToken, request, service.adminKey);
};
const update = (
  subject: Subject,
  mask: string,
  values: { roles?: string[]; isActive?: boolean },
) => {
  const { userId } = subject;
  const same = { userId, username: "", displayName: "", createdAt: undefined, identities: [] };
  const user = { ...same, roles: [], isActive: false, ...values };
  const request = { user, updateMask: [mask] };
  return service.call(UserAdminService.updateUser, request, service.adminKey);
};
const revoke = (sessionId = "") => {
  const request = { sessionId, note: "a test" };
  return service.call(SessionAdminService.revokeSession, request, service.adminKey);
};

interface Scenario {
  readonly name: string;
  /** What happens before anybody looks. Resolves to what `act` goes on with. */
  readonly act: (subject: Subject, prepared: Prepared) => Promise<unknown>;
  readonly prepare?: (subject: Subject) => Promise<Partial<Prepared>>;
  /** `TYPE`, or `TYPE reason`, in order. */
  readonly events: readonly string[];
}

interface Prepared {
  readonly token: string;
  readonly other: string;
  readonly refreshToken: string;
  readonly sessionId: string;
}

const oneSession = async (subject: Subject): Promise<Partial<Prepared>> => {
  const { accessToken, refreshToken, session } = await signIn(subject);
  return { token: accessToken, refreshToken, sessionId: session?.sessionId ?? "" };
};
const twoSessions = async (subject: Subject): Promise<Partial<Prepared>> => {
  const other = (await signIn(subject)).accessToken;
  return { ...(await oneSession(subject)), other };
};
const times = async (count: number, act: () => Promise<unknown>): Promise<void> => {
  for (let time = 0; time < count; time++) await attempt(act());
};
const aged = (sql: string) => async (subject: Subject) => {
  const prepared = await oneSession(subject);
  await service.query(`UPDATE sessions SET ${sql} WHERE session_id = $1`, [prepared.sessionId]);
  return prepared;
};

const SCENARIOS: readonly Scenario[] = [
  { name: "a login", act: signIn, events: ["LOGIN"] },
  {
    name: "a wrong password",
    act: ({ username }) => login(username, WRONG),
    events: ["LOGIN_FAILED INVALID_CREDENTIALS"],
  },
  {
    name: "an unknown name",
    act: ({ username }) => login(`${username}-not`, WRONG),
    events: ["LOGIN_FAILED INVALID_CREDENTIALS"],
  },
  {
    name: "an account that is locked, and tried once more",
    act: ({ username }) => times(ALLOWED + 2, () => login(username, WRONG)),
    events: [
      ...Array(ALLOWED).fill("LOGIN_FAILED INVALID_CREDENTIALS"),
      "ACCOUNT_LOCKED",
      "LOGIN_FAILED TOO_MANY_ATTEMPTS",
      "LOGIN_FAILED TOO_MANY_ATTEMPTS",
    ],
  },
  {
    name: "an inactive user with the right password",
    prepare: async (subject) => {
      await update(subject, "is_active", { isActive: false });
      return {};
    },
    act: ({ username }) => login(username, PASSWORD),
    events: ["LOGIN_FAILED USER_INACTIVE"],
  },
  {
    name: "a login that the limit makes room for",
    prepare: async (subject) => {
      await times(3, () => signIn(subject));
      return {};
    },
    act: signIn,
    events: ["LOGIN", "SESSION_ENDED SESSION_LIMIT"],
  },
  {
    name: "a refresh, and its repetition",
    prepare: oneSession,
    act: async (_, { refreshToken }) => {
      await refresh(refreshToken);
      await refresh(refreshToken);
    },
    events: ["REFRESHED", "REFRESHED"],
  },
  {
    name: "a late duplicate of a refresh",
    prepare: oneSession,
    act: async (_, { refreshToken }) => {
      await refresh((await refresh(refreshToken)).refreshToken);
      await refresh(refreshToken);
    },
    events: ["REFRESHED", "REFRESHED", "REFRESH_REUSED refuse"],
  },
  {
    name: "the reuse of an old refresh token",
    prepare: oneSession,
    act: async (_, { refreshToken }) => {
      let next = (await refresh(refreshToken)).refreshToken;
      for (let more = 0; more < 2; more++) next = (await refresh(next)).refreshToken;
      await times(2, () => refresh(refreshToken));
    },
    events: [...Array(3).fill("REFRESHED"), "REFRESH_REUSED end", "SESSION_ENDED REFRESH_REUSE"],
  },
  {
    name: "a made-up refresh token",
    act: () => refresh(`cfr_${"A".repeat(76)}`),
    events: [],
  },
  {
    name: "a logout, twice",
    prepare: oneSession,
    act: async (_, { token }) => {
      await logout(token);
      await logout(token);
    },
    events: ["SESSION_ENDED LOGOUT"],
  },
  {
    name: "one of the user's sessions ended by the user, twice",
    prepare: twoSessions,
    act: (_, { other, sessionId }) =>
      times(2, () => service.call(AuthServiceService.revokeMySession, { sessionId }, other)),
    events: ["SESSION_ENDED USER"],
  },
  {
    name: "all others of the user's sessions",
    prepare: twoSessions,
    act: (_, { token }) => service.call(AuthServiceService.revokeMyOtherSessions, {}, token),
    events: ["SESSION_ENDED USER"],
  },
  {
    name: "a session ended by an administrator, twice",
    prepare: oneSession,
    act: (_, { sessionId }) => times(2, () => revoke(sessionId)),
    events: ["SESSION_ENDED ADMIN"],
  },
  {
    name: "all sessions of a user",
    prepare: twoSessions,
    act: ({ userId }) => {
      const request = { userId, exceptSessionId: "", note: "" };
      return service.call(SessionAdminService.revokeUserSessions, request, service.adminKey);
    },
    events: ["SESSION_ENDED ADMIN", "SESSION_ENDED ADMIN"],
  },
  {
    name: "a session found idle",
    prepare: aged("last_activity_at = last_activity_at - interval '1 day'"),
    act: (_, { refreshToken }) => times(2, () => refresh(refreshToken)),
    events: ["SESSION_ENDED IDLE_TIMEOUT"],
  },
  {
    name: "a session found at its maximum",
    prepare: aged("expires_at = now() - interval '1 second'"),
    act: (_, { refreshToken }) => times(2, () => refresh(refreshToken)),
    events: ["SESSION_ENDED EXPIRED"],
  },
  {
    name: "a change of password",
    prepare: twoSessions,
    act: (_, { token }) => changePassword(token, PASSWORD, "quite another fine passphrase"),
    events: ["PASSWORD_SET", "SESSION_ENDED PASSWORD_CHANGE"],
  },
  {
    name: "a change of password with a wrong one",
    prepare: oneSession,
    act: (_, { token }) => changePassword(token, WRONG, "quite another fine passphrase"),
    events: ["LOGIN_FAILED INVALID_CREDENTIALS"],
  },
  {
    name: "a password guessed by a stolen session until the account is locked",
    prepare: oneSession,
    act: (_, { token }) =>
      times(ALLOWED + 1, () => changePassword(token, WRONG, "quite another fine passphrase")),
    events: [
      ...Array(ALLOWED).fill("LOGIN_FAILED INVALID_CREDENTIALS"),
      "ACCOUNT_LOCKED",
      "LOGIN_FAILED TOO_MANY_ATTEMPTS",
    ],
  },
  {
    name: "a password set by an administrator",
    prepare: oneSession,
    act: ({ userId }) => {
      const request = { userId, password: "quite another fine passphrase" };
      return service.call(UserAdminService.setPassword, request, service.adminKey);
    },
    events: ["PASSWORD_SET", "SESSION_ENDED PASSWORD_CHANGE"],
  },
  {
    name: "a user's roles",
    prepare: oneSession,
    act: (subject) => update(subject, "roles", { roles: ["clerk"] }),
    events: ["USER_UPDATED"],
  },
  {
    name: "a user deactivated",
    prepare: oneSession,
    act: (subject) => update(subject, "is_active", { isActive: false }),
    events: ["USER_UPDATED", "SESSION_ENDED USER_DISABLED"],
  },
  {
    name: "an identity linked and unlinked, twice each",
    act: async ({ userId }) => {
      const request = { userId, issuer: "https://idp.example", subject: userId };
      const { linkIdentity, unlinkIdentity } = UserAdminService;
      await times(2, () => service.call(linkIdentity, request, service.adminKey));
      await times(2, () => service.call(unlinkIdentity, request, service.adminKey));
    },
    events: ["IDENTITY_LINKED", "IDENTITY_UNLINKED"],
  },
  {
    name: "a session by CreateSession, asked for twice under one idempotency key",
    act: ({ userId }) => {
      const subject = { $case: "userId" as const, value: userId };
      const request = CreateSessionRequest.create({ subject, idempotencyKey: userId });
      return times(2, () =>
        service.call(AuthServiceService.createSession, request, service.issuerKey),
      );
    },
    events: ["LOGIN"],
  },
  {
    name: "sessions by CreateSession for a user who is made, then has other roles",
    act: async ({ userId }) => {
      const value = { issuer: "https://idp.example", subject: userId };
      for (const roles of [["clerk"], ["boss"]]) {
        const request = CreateSessionRequest.create({
          subject: { $case: "external", value },
          profile: { username: `external-${userId}`, displayName: "", roles },
        });
        await service.call(AuthServiceService.createSession, request, service.issuerKey);
      }
    },
    events: ["USER_CREATED", "LOGIN", "USER_UPDATED", "LOGIN"],
  },
  {
    name: "a session that CreateSession refuses a deactivated user",
    prepare: async (subject) => {
      await update(subject, "is_active", { isActive: false });
      return {};
    },
    act: ({ userId }) => {
      const request = CreateSessionRequest.create({ subject: { $case: "userId", value: userId } });
      return attempt(service.call(AuthServiceService.createSession, request, service.issuerKey));
    },
    events: ["LOGIN_FAILED USER_INACTIVE"],
  },
  {
    name: "a user deleted, twice",
    prepare: oneSession,
    act: ({ userId }) =>
      times(2, () => service.call(UserAdminService.deleteUser, { userId }, service.adminKey)),
    events: ["USER_DELETED", "SESSION_ENDED USER_DELETED"],
  },
  {
    name: "a user unlocked",
    act: ({ userId }) => service.call(UserAdminService.unlockUser, { userId }, service.adminKey),
    events: ["ACCOUNT_UNLOCKED"],
  },
  { name: "a user created", act: () => service.createUser(), events: ["USER_CREATED"] },
  {
    name: "a name that is taken",
    act: ({ username }) => service.createUser([], username),
    events: [],
  },
  {
    name: "a call that is denied",
    prepare: oneSession,
    act: async ({ userId }, { token }) => {
      await attempt(service.call(UserAdminService.deleteUser, { userId }));
      await attempt(service.call(UserAdminService.deleteUser, { userId }, token));
      await attempt(service.call(UserAdminService.deleteUser, { userId }, "forged"));
    },
    events: [
      "CALL_DENIED CREDENTIALS_MISSING",
      "CALL_DENIED PERMISSION_DENIED",
      "CALL_DENIED ACCESS_TOKEN_INVALID",
    ],
  },
  {
    name: "a service key made and revoked",
    act: async () => {
      const key = await service.createServiceKey("validate");
      await localAdmin.revokeServiceKey(service.settings, parseServiceKey(key)?.id ?? "");
    },
    events: ["SERVICE_KEY_CREATED", "SERVICE_KEY_REVOKED"],
  },
  {
    name: "validations, good and bad",
    prepare: oneSession,
    act: async (_, { token }) => {
      await validate(token);
      await times(2, () => validate("forged"));
    },
    events: [],
  },
  {
    name: "requests that are out of bounds",
    act: () => times(2, () => login("", "")),
    events: [],
  },
];

/** Events of jobs in the background belong to no scenario. */
const OWN = "type <> 'UNUSUAL_ACTIVITY'";

describe("D7 every scenario writes its security events, each once, and no other", () => {
  test.each(SCENARIOS)("D7 $name", async ({ act, prepare, events }) => {
    const { userId, username } = await service.createUser();
    const subject = { userId, username };
    const nothing: Prepared = { token: "", other: "", refreshToken: "", sessionId: "" };
    const prepared = { ...nothing, ...(await prepare?.(subject)) };
    const [last] = await service.query<{ id: string }>(
      "SELECT coalesce(max(event_id), 0) AS id FROM audit_events",
    );
    await attempt(act(subject, prepared));
    const told = async () =>
      (
        await service.query<{ event: string }>(
          `SELECT concat_ws(' ', type, nullif(reason, '')) AS event FROM audit_events
           WHERE event_id > $1 AND ${OWN} ORDER BY event_id`,
          [last?.id],
        )
      ).map(({ event }) => event);
    await waitUntil("they are written", async () => (await told()).length >= events.length);
    expect(await told()).toEqual(events);
  });
});
