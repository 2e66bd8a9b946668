import { Access } from "../../../../generated/curfew/options/v1/options.js";
import type { Reason } from "../../../../src/core/errors.js";
import { type Case, reads } from "./case.js";
import type { Credentials } from "./stage.js";

type Denial = readonly [
  name: string,
  outcome: Reason,
  authorization?: (credentials: Credentials) => string,
];

const WITHOUT: readonly Denial[] = [
  ["nothing", "CREDENTIALS_MISSING"],
  ["another scheme", "CREDENTIALS_MISSING", () => "Basic dXNlcjpwYXNzd29yZA=="],
  ["a token that is none", "ACCESS_TOKEN_INVALID", () => "Bearer nonsense"],
  ["an unknown service key", "ACCESS_TOKEN_INVALID", ({ unknownKey }) => unknownKey],
];

const BAD_SESSIONS: readonly Denial[] = [
  ["an expired token", "ACCESS_TOKEN_EXPIRED", ({ expired }) => expired],
  ["a token past its session's maximum", "SESSION_EXPIRED", ({ pastMaximum }) => pastMaximum],
  ["a token of an ended session", "ACCESS_TOKEN_BLACKLISTED", ({ signedOut }) => signedOut],
  ["a token of an idle session", "SESSION_INACTIVITY_TIMEOUT", ({ idle }) => idle],
  ["a token of no session", "SESSION_REVOKED_OR_INVALID", ({ unknownSession }) => unknownSession],
  ["a deactivated user's token", "USER_INACTIVE", ({ deactivated }) => deactivated],
];

const A_USER: Denial = ["a user's token", "PERMISSION_DENIED", ({ user }) => user];
const A_SERVICE: Denial = [
  "a service key without the scope",
  "PERMISSION_DENIED",
  ({ validateKey }) => validateKey,
];

const DENIALS: Readonly<Partial<Record<Access, readonly Denial[]>>> = {
  [Access.PUBLIC]: [],
  [Access.SESSION]: [...WITHOUT, ...BAD_SESSIONS, A_SERVICE],
  [Access.SERVICE]: [...WITHOUT, ...BAD_SESSIONS, A_USER],
  [Access.SERVICE_OR_SESSION]: [...WITHOUT, ...BAD_SESSIONS],
  [Access.ISSUER]: [...WITHOUT, ...BAD_SESSIONS, A_USER, A_SERVICE],
  [Access.ADMIN]: [...WITHOUT, ...BAD_SESSIONS, A_USER, A_SERVICE],
};

/** A good question with every credential that its access class refuses. */
export const deniedCases = (access: Access, good: Case): Case[] => {
  const denials = DENIALS[access];
  if (denials === undefined) throw new Error(`no denials are known for ${Access[access]}`);
  return denials.map(([name, outcome, authorization]) =>
    reads(`by ${name}`, outcome, async (stage) => ({
      request: (await good.ask(stage)).request,
      authorization: authorization?.(stage.credentials),
    })),
  );
};
