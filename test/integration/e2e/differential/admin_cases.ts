import { randomUUID } from "node:crypto";
import { UserAdminService } from "../../../../generated/curfew/v1/user_admin.js";
import { PASSWORD } from "../../../support/service.js";
import { type Case, changes, reads } from "./case.js";
import type { JsonObject } from "./question.js";
import type { Stage } from "./stage.js";

const NOBODY = "00000000-0000-7000-8000-000000000000";

/** By the administrator's service key. */
const byKey =
  (request: (stage: Stage) => JsonObject | Promise<JsonObject>) => async (stage: Stage) => ({
    request: await request(stage),
    authorization: stage.credentials.adminKey,
  });

/** By the administrator's session. */
const bySession = (request: (stage: Stage) => JsonObject) => (stage: Stage) => ({
  request: request(stage),
  authorization: stage.credentials.admin,
});

/** A user with two sessions. */
const twice = async (stage: Stage) => stage.again(await stage.newcomer());

/** Questions to SessionAdmin; the first of each method is one that is answered OK. */
export const SESSION_ADMIN_CASES: Readonly<Record<string, readonly Case[]>> = {
  "SessionAdmin.GetActiveSessions": [
    reads(
      "of the caller",
      "OK",
      bySession(() => ({})),
    ),
    reads(
      "of a user",
      "OK",
      byKey(({ user }) => ({ user_id: user.userId })),
    ),
    reads(
      "of nobody",
      "OK",
      byKey(() => ({ user_id: NOBODY })),
    ),
    reads(
      "of a caller without a session",
      "INVALID_ARGUMENT",
      byKey(() => ({})),
    ),
  ],
  "SessionAdmin.ListSessions": [
    reads(
      "by every condition",
      "OK",
      byKey(({ user }) => ({
        filter: {
          user_id: user.userId,
          state: "ACTIVE",
          ip: "127.0.0.1",
          created_after: "2020-01-31T12:00:00Z",
          created_before: "2120-01-31T12:00:00.250Z",
        },
        page_size: 5,
        order: "CREATED_ASC",
      })),
    ),
    reads(
      "ended ones",
      "OK",
      byKey(() => ({ filter: { state: "IDLE_TIMEOUT" } })),
    ),
    reads(
      "with a page token that is none",
      "INVALID_ARGUMENT",
      byKey(() => ({ page_token: "x" })),
    ),
    reads(
      "by the administrator, who sees which one is current",
      "OK",
      ({ admin, credentials }) => ({
        request: { filter: { user_id: admin.userId } },
        authorization: credentials.admin,
      }),
    ),
  ],
  "SessionAdmin.GetSession": [
    reads(
      "a live one",
      "OK",
      byKey(({ user }) => ({ session_id: user.sessionId })),
    ),
    changes(
      "an ended one",
      "OK",
      byKey(async (stage) => ({
        session_id: (await stage.signOut(await stage.newcomer())).sessionId,
      })),
    ),
    reads(
      "an unknown one",
      "NOT_FOUND",
      byKey(() => ({ session_id: NOBODY })),
    ),
  ],
  "SessionAdmin.RevokeSession": [
    changes(
      "a live one",
      "OK",
      byKey(async (stage) => ({ session_id: (await stage.newcomer()).sessionId, note: "test" })),
    ),
    changes(
      "an ended one",
      "OK",
      byKey(async (stage) => ({
        session_id: (await stage.signOut(await stage.newcomer())).sessionId,
      })),
    ),
    reads(
      "an unknown one",
      "NOT_FOUND",
      byKey(() => ({ session_id: NOBODY })),
    ),
  ],
  "SessionAdmin.RevokeUserSessions": [
    changes(
      "all",
      "OK",
      byKey(async (stage) => ({ user_id: (await twice(stage)).userId })),
    ),
    changes(
      "all but one",
      "OK",
      byKey(async (stage) => {
        const { userId, sessionId } = await twice(stage);
        return { user_id: userId, except_session_id: sessionId, note: "test" };
      }),
    ),
    reads(
      "of nobody",
      "NOT_FOUND",
      byKey(() => ({ user_id: NOBODY })),
    ),
  ],
  "SessionAdmin.RevokeSessions": [
    changes(
      "of a user",
      "OK",
      byKey(async (stage) => ({ filter: { user_id: (await twice(stage)).userId } })),
    ),
    reads(
      "without doing it",
      "OK",
      byKey(({ user }) => ({ filter: { user_id: user.userId }, dry_run: true })),
    ),
    reads(
      "everything, by mistake",
      "INVALID_ARGUMENT",
      byKey(() => ({ filter: {} })),
    ),
  ],
  "SessionAdmin.CleanupSessions": [
    reads(
      "nothing left to do",
      "OK",
      byKey(() => ({})),
    ),
  ],
  "SessionAdmin.ExplainToken": [
    reads(
      "a good one",
      "OK",
      byKey(({ user }) => ({ access_token: user.accessToken })),
    ),
    reads(
      "nonsense",
      "OK",
      byKey(() => ({ access_token: "nonsense" })),
    ),
    changes(
      "of an ended session",
      "OK",
      byKey(async (stage) => ({
        access_token: (await stage.signOut(await stage.newcomer())).accessToken,
      })),
    ),
  ],
  "SessionAdmin.GetSessionStats": [
    reads(
      "of a window",
      "OK",
      byKey(() => ({ window_minutes: 5 })),
    ),
  ],
};

const newName = (): string => `user-${crypto.randomUUID()}`;

/** Questions to UserAdmin; the first of each method is one that is answered OK. */
export const USER_ADMIN_CASES: Readonly<Record<string, readonly Case[]>> = {
  "UserAdmin.CreateUser": [
    changes(
      "with everything",
      "OK",
      byKey(() => ({
        username: newName(),
        password: PASSWORD,
        display_name: "Zoë “Ω” 🦊",
        roles: ["admin", "billing:read"],
      })),
    ),
    reads(
      "a name that is taken",
      "ALREADY_EXISTS",
      byKey(({ user }) => ({ username: user.username.toUpperCase(), password: PASSWORD })),
    ),
    reads(
      "a weak password",
      "INVALID_ARGUMENT",
      byKey(() => ({ username: newName(), password: "short" })),
    ),
    reads(
      "a role that is none",
      "INVALID_ARGUMENT",
      byKey(() => ({ username: newName(), password: PASSWORD, roles: ["fine", "not fine"] })),
    ),
  ],
  "UserAdmin.GetUser": [
    reads(
      "one",
      "OK",
      byKey(({ user }) => ({ user_id: user.userId })),
    ),
    reads(
      "nobody",
      "NOT_FOUND",
      byKey(() => ({ user_id: NOBODY })),
    ),
  ],
  "UserAdmin.ListUsers": [
    reads(
      "all",
      "OK",
      byKey(() => ({})),
    ),
    reads(
      "a page",
      "OK",
      byKey(() => ({ page_size: 2 })),
    ),
    reads(
      "with a page token that is none",
      "INVALID_ARGUMENT",
      byKey(() => ({ page_token: "x" })),
    ),
  ],
  "UserAdmin.UpdateUser": [
    changes(
      "the name",
      "OK",
      byKey(async (stage) => ({
        user: { user_id: (await stage.newcomer()).userId, display_name: "New" },
        update_mask: "displayName",
      })),
    ),
    changes(
      "to values that are not set",
      "OK",
      byKey(async (stage) => ({
        user: { user_id: (await stage.newcomer()).userId, is_active: false },
        update_mask: "isActive,roles",
      })),
    ),
    reads(
      "nobody",
      "NOT_FOUND",
      byKey(() => ({
        user: { user_id: NOBODY, display_name: "New" },
        update_mask: "displayName",
      })),
    ),
    reads(
      "what cannot be changed",
      "INVALID_ARGUMENT",
      byKey(({ user }) => ({
        user: { user_id: user.userId, username: "new" },
        update_mask: "username",
      })),
    ),
  ],
  "UserAdmin.SetPassword": [
    changes(
      "a good one",
      "OK",
      byKey(async (stage) => ({ user_id: (await stage.newcomer()).userId, password: PASSWORD })),
    ),
    reads(
      "a weak one",
      "INVALID_ARGUMENT",
      byKey(({ user }) => ({ user_id: user.userId, password: "short" })),
    ),
    reads(
      "of nobody",
      "NOT_FOUND",
      byKey(() => ({ user_id: NOBODY, password: PASSWORD })),
    ),
  ],
  "UserAdmin.LinkIdentity": [
    changes("a new one", "OK", async (stage) => {
      const { userId } = await stage.newcomer();
      const subject = randomUUID();
      const request = { user_id: userId, issuer: "https://idp.example", subject };
      return { request, authorization: stage.credentials.adminKey };
    }),
    reads(
      "of nobody",
      "NOT_FOUND",
      byKey(() => ({ user_id: NOBODY, issuer: "https://idp.example", subject: "x" })),
    ),
    reads(
      "with an over-long subject",
      "INVALID_ARGUMENT",
      byKey(({ user }) => ({ user_id: user.userId, issuer: "x", subject: "x".repeat(256) })),
    ),
  ],
  "UserAdmin.UnlinkIdentity": [
    changes("one that is there", "OK", async (stage) => {
      const { userId } = await stage.newcomer();
      const identity = { userId, issuer: "https://idp.example", subject: randomUUID() };
      await stage.service.call(UserAdminService.linkIdentity, identity, stage.service.adminKey);
      const { issuer, subject } = identity;
      return {
        request: { user_id: userId, issuer, subject },
        authorization: stage.credentials.adminKey,
      };
    }),
    reads(
      "one that is not there",
      "NOT_FOUND",
      byKey(({ user }) => ({ user_id: user.userId, issuer: "x", subject: "x" })),
    ),
  ],
  "UserAdmin.UnlockUser": [
    reads(
      "one",
      "OK",
      byKey(({ user }) => ({ user_id: user.userId })),
    ),
    reads(
      "nobody",
      "NOT_FOUND",
      byKey(() => ({ user_id: NOBODY })),
    ),
  ],
  "UserAdmin.DeleteUser": [
    changes(
      "one",
      "OK",
      byKey(async (stage) => ({ user_id: (await stage.newcomer()).userId })),
    ),
    reads(
      "nobody",
      "NOT_FOUND",
      byKey(() => ({ user_id: NOBODY })),
    ),
  ],
};
