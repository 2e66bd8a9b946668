import { randomUUID } from "node:crypto";
import {
  AuthServiceService,
  ExchangeTokenRequest,
} from "../../../../generated/curfew/v1/auth_service.js";
import { PASSWORD } from "../../../support/service.js";
import { type Case, changes, reads } from "./case.js";
import { bearer, type Stage, type Subscriber } from "./stage.js";

const NOBODY = "00000000-0000-7000-8000-000000000000";
const NEW_PASSWORD = "another perfectly fine passphrase";

const login = ({ username }: Subscriber, more: object = {}) => ({
  request: { username, password: PASSWORD, device_name: "laptop", ...more },
});

/** Presents a refresh token, as a call before the question. */
const refresh = ({ service }: Stage, refreshToken: string) =>
  service.call(AuthServiceService.refreshTokens, { refreshToken, language: "" });

const as = ({ accessToken }: Subscriber, request = {}) => ({
  request,
  authorization: bearer(accessToken),
});

/** A token in a request, by the credential that carries it. */
const tokenOf = (authorization: string) => authorization.slice("Bearer ".length);

const validate = (pick: (stage: Stage) => string) => (stage: Stage) => ({
  request: { access_token: tokenOf(pick(stage)) },
  authorization: stage.credentials.validateKey,
});

/** Questions to AuthService; the first of each method is one that is answered OK. */
export const AUTH_CASES: Readonly<Record<string, readonly Case[]>> = {
  "AuthService.CreateSession": [
    changes("for a user by id", "OK", async (stage) => ({
      request: { user_id: (await stage.newcomer()).userId, amr: ["hwk"], acr: "gold" },
      authorization: stage.credentials.issuerKey,
    })),
    changes("for a new user of another issuer", "OK", (stage) => ({
      request: {
        external: { issuer: "https://idp.example", subject: randomUUID() },
        profile: { username: `user-${randomUUID()}`, roles: ["clerk"] },
      },
      authorization: stage.credentials.issuerKey,
    })),
    reads("for nobody", "NOT_FOUND", (stage) => ({
      request: { user_id: NOBODY },
      authorization: stage.credentials.issuerKey,
    })),
    reads("for no subject", "INVALID_ARGUMENT", (stage) => ({
      request: {},
      authorization: stage.credentials.issuerKey,
    })),
    reads("for a deactivated user", "USER_INACTIVE", (stage) => ({
      request: { user_id: stage.inactive.userId },
      authorization: stage.credentials.issuerKey,
    })),
  ],
  "AuthService.Login": [
    changes("signs in", "OK", async (stage) => login(await stage.newcomer())),
    changes("names the sessions that the limit ended", "OK", async (stage) => {
      const guest = await stage.newcomer();
      for (let session = 1; session < 5; session++) await stage.again(guest);
      return login(guest);
    }),
    changes("a wrong password", "INVALID_CREDENTIALS", async (stage) =>
      login(await stage.newcomer(), { password: "wrong" }),
    ),
    changes("an unknown user", "INVALID_CREDENTIALS", () => ({
      request: { username: randomUUID(), password: PASSWORD, language: "es" },
    })),
    reads("an inactive user", "USER_INACTIVE", (stage) => login(stage.inactive)),
    changes("a locked account", "TOO_MANY_ATTEMPTS", async (stage) => {
      const guest = await stage.newcomer();
      for (let failure = 0; failure < 5; failure++) {
        await stage.service.signIn(guest.username, "test", "wrong").catch(() => undefined);
      }
      return login(guest);
    }),
  ],
  "AuthService.ExchangeToken": [
    changes("for a new subject", "OK", async (stage) => ({
      request: { subject_token: await stage.subjectToken(), device_name: "laptop" },
    })),
    changes("an ID token that was used", "SUBJECT_TOKEN_INVALID", async (stage) => {
      const request = ExchangeTokenRequest.create({ subjectToken: await stage.subjectToken() });
      await stage.service.call(AuthServiceService.exchangeToken, request);
      return { request: { subject_token: request.subjectToken } };
    }),
    changes("an ID token for somebody else", "SUBJECT_TOKEN_INVALID", async (stage) => ({
      request: { subject_token: await stage.subjectToken({ aud: "other" }) },
    })),
    reads("no ID token", "SUBJECT_TOKEN_INVALID", () => ({
      request: { subject_token: "not a token" },
    })),
  ],
  "AuthService.RefreshTokens": [
    changes("gives the successor", "OK", async (stage) => ({
      request: { refresh_token: (await stage.newcomer()).refreshToken },
    })),
    changes("gives it again", "OK", async (stage) => {
      const { refreshToken } = await stage.newcomer();
      await refresh(stage, refreshToken);
      return { request: { refresh_token: refreshToken } };
    }),
    reads("not a refresh token", "REFRESH_TOKEN_INVALID", () => ({
      request: { refresh_token: "cfr_nonsense", language: "fr" },
    })),
    changes("a late duplicate", "REFRESH_TOKEN_REUSED", async (stage) => {
      const { refreshToken } = await stage.newcomer();
      const next = await refresh(stage, refreshToken);
      await refresh(stage, next.refreshToken);
      return { request: { refresh_token: refreshToken } };
    }),
    changes("of an ended session", "SESSION_REVOKED_OR_INVALID", async (stage) => ({
      request: { refresh_token: (await stage.signOut(await stage.newcomer())).refreshToken },
    })),
    changes("of an idle session", "SESSION_INACTIVITY_TIMEOUT", async (stage) => ({
      request: { refresh_token: (await stage.age(await stage.newcomer(), "idle")).refreshToken },
    })),
    changes("of a session at its maximum", "SESSION_EXPIRED", async (stage) => ({
      request: { refresh_token: (await stage.age(await stage.newcomer(), "maximum")).refreshToken },
    })),
  ],
  "AuthService.Logout": [
    changes("by the token in the request", "OK", async (stage) => ({
      request: { access_token: (await stage.newcomer()).accessToken, language: "zh" },
    })),
    changes("by the bearer", "OK", async (stage) => as(await stage.newcomer())),
    changes("repeated", "OK", async (stage) => as(await stage.signOut(await stage.newcomer()))),
    reads("with a token past its time", "OK", ({ credentials }) => ({
      request: { access_token: tokenOf(credentials.signedOut) },
    })),
    reads("without a token", "CREDENTIALS_MISSING", () => ({ request: {} })),
    reads("with a token that is none", "ACCESS_TOKEN_INVALID", () => ({
      request: { access_token: "nonsense" },
    })),
    reads("with tokens of two sessions", "INVALID_ARGUMENT", ({ admin, credentials }) => ({
      request: { access_token: admin.accessToken },
      authorization: credentials.user,
    })),
  ],
  "AuthService.ValidateToken": [
    reads("a good token", "OK", (stage) => ({
      ...validate(({ credentials }) => credentials.user)(stage),
      request: { access_token: stage.user.accessToken, skip_activity: true },
    })),
    reads("for another audience", "ACCESS_TOKEN_INVALID", (stage) => ({
      ...validate(({ credentials }) => credentials.user)(stage),
      request: { access_token: stage.user.accessToken, audience: "elsewhere" },
    })),
    reads(
      "nonsense",
      "ACCESS_TOKEN_INVALID",
      validate(() => "Bearer nonsense"),
    ),
    reads(
      "expired",
      "ACCESS_TOKEN_EXPIRED",
      validate(({ credentials }) => credentials.expired),
    ),
    reads(
      "past the maximum",
      "SESSION_EXPIRED",
      validate((stage) => stage.credentials.pastMaximum),
    ),
    reads(
      "signed out",
      "ACCESS_TOKEN_BLACKLISTED",
      validate((stage) => stage.credentials.signedOut),
    ),
    reads(
      "idle",
      "SESSION_INACTIVITY_TIMEOUT",
      validate(({ credentials }) => credentials.idle),
    ),
    reads(
      "of a deactivated user",
      "USER_INACTIVE",
      validate((stage) => stage.credentials.deactivated),
    ),
    reads(
      "of an unknown session",
      "SESSION_REVOKED_OR_INVALID",
      validate(({ credentials }) => credentials.unknownSession),
    ),
  ],
  "AuthService.ValidateTokens": [
    reads("of every kind", "OK", ({ credentials, user }) => ({
      request: {
        requests: [
          { access_token: user.accessToken, skip_activity: true },
          { access_token: user.accessToken, audience: "a".repeat(256) },
          { access_token: "" },
          { access_token: "nonsense" },
          ...[
            credentials.expired,
            credentials.pastMaximum,
            credentials.signedOut,
            credentials.idle,
            credentials.deactivated,
            credentials.unknownSession,
          ].map((authorization) => ({ access_token: tokenOf(authorization) })),
        ],
      },
      authorization: credentials.validateKey,
    })),
    reads("none", "OK", ({ credentials }) => ({
      request: {},
      authorization: credentials.validateKey,
    })),
  ],
  "AuthService.RecordActivity": [
    reads("of sessions, by a service", "OK", ({ credentials, user }) => ({
      request: {
        activities: [
          { session_id: user.sessionId, at: "2020-01-31T12:00:00.5Z" },
          { session_id: NOBODY },
        ],
      },
      authorization: credentials.validateKey,
    })),
    reads("of the own session, by a user", "OK", ({ user }) => as(user)),
    reads("of another session, by a user", "INVALID_ARGUMENT", ({ user, admin }) =>
      as(user, { activities: [{ session_id: admin.sessionId }] }),
    ),
  ],
  "AuthService.GetProfile": [reads("the user", "OK", ({ user }) => as(user))],
  "AuthService.ChangePassword": [
    changes("to a good one", "OK", async (stage) =>
      as(await stage.newcomer(), { current_password: PASSWORD, new_password: NEW_PASSWORD }),
    ),
    changes("with a wrong one", "INVALID_CREDENTIALS", async (stage) =>
      as(await stage.newcomer(), { current_password: "wrong", new_password: NEW_PASSWORD }),
    ),
    reads("to a weak one", "INVALID_ARGUMENT", ({ user }) =>
      as(user, { current_password: PASSWORD, new_password: "short" }),
    ),
  ],
  "AuthService.ListMySessions": [
    reads("all", "OK", ({ user }) => as(user)),
    changes("a page, and where the next one starts", "OK", async (stage) => {
      const guest = await stage.newcomer();
      return as(await stage.again(guest), { page_size: 1 });
    }),
    reads("with a page token that is none", "INVALID_ARGUMENT", ({ user }) =>
      as(user, { page_token: "nonsense" }),
    ),
  ],
  "AuthService.RevokeMySession": [
    changes("another of one's own", "OK", async (stage) => {
      const guest = await stage.newcomer();
      return as(guest, { session_id: (await stage.again(guest)).sessionId });
    }),
    reads("an unknown one", "NOT_FOUND", ({ user }) => as(user, { session_id: NOBODY })),
    reads("another user's", "NOT_FOUND", ({ user, admin }) =>
      as(user, { session_id: admin.sessionId }),
    ),
    reads("one that is not an id and needs escapes", "NOT_FOUND", ({ user }) =>
      as(user, { session_id: "a b/ü?&%2f" }),
    ),
  ],
  "AuthService.RevokeMyOtherSessions": [
    changes("two others", "OK", async (stage) => {
      const guest = await stage.newcomer();
      await stage.again(guest);
      return as(await stage.again(guest));
    }),
  ],
  "AuthService.GetSessionInfo": [reads("the session", "OK", ({ user }) => as(user))],
  "AuthService.GetJwks": [reads("the keys", "OK", () => ({ request: {} }))],
};
