import { subjectTokenInvalid } from "../core/exchange/subject_token_invalid.js";
import type { ClaimNames } from "../core/exchange/trusted_issuer.js";
import type { SubjectToken } from "../core/ports/subject_token_verifier.js";
import { isRole } from "../core/users/role.js";

type Payload = Readonly<Record<string, unknown>>;

const MAX_USERNAME = 254;
const MAX_DISPLAY_NAME = 254;
const MAX_ROLES = 100;
const MAX_ROLE = 128;
const MAX_ACR = 255;
const MAX_METHODS = 16;
const MAX_METHOD = 64;

const isPayload = (value: unknown): value is Payload =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const own = (value: unknown, name: string): unknown =>
  isPayload(value) && Object.hasOwn(value, name) ? value[name] : undefined;

/** A claim by its name, or by a path with dots where no claim has that name. */
const claimOf = (payload: Payload, name: string): unknown =>
  own(payload, name) ?? name.split(".").reduce<unknown>(own, payload);

/** No control characters, and nothing that UTF-8 cannot say. */
const isText = (value: unknown, max: number): value is string =>
  typeof value === "string" && [...value].length <= max && !/\p{Cc}|\p{Cs}/u.test(value);

/** A text, undefined for none; fails for anything else under that name. */
const textClaim = (payload: Payload, name: string, max: number): string | undefined => {
  const value = claimOf(payload, name);
  if (value === undefined || value === null || value === "") return undefined;
  if (!isText(value, max)) throw subjectTokenInvalid("claims", name);
  return value;
};

/** A list of names, or one text of names with spaces between. */
const listClaim = (
  payload: Payload,
  name: string,
  most: number,
  isItem: (item: string) => boolean,
): readonly string[] | undefined => {
  const value = claimOf(payload, name);
  if (value === undefined || value === null) return undefined;
  const items = typeof value === "string" ? value.split(" ").filter((item) => item !== "") : value;
  const isList =
    Array.isArray(items) &&
    items.length <= most &&
    items.every((item) => typeof item === "string" && isItem(item));
  if (!isList) throw subjectTokenInvalid("claims", name);
  return [...new Set<string>(items)];
};

/**
 * The claims of a verified token about the user and the sign-in, under the names that its issuer's configuration gives.
 *
 * @throws CurfewError SUBJECT_TOKEN_INVALID for a claim of another type or beyond the bounds
 */
export const mappedClaims = (
  payload: Payload,
  names: ClaimNames,
): Pick<SubjectToken, "username" | "displayName" | "roles" | "acr" | "amr"> => {
  const username =
    names.username === undefined
      ? (textClaim(payload, "preferred_username", MAX_USERNAME) ??
        textClaim(payload, "email", MAX_USERNAME))
      : textClaim(payload, names.username, MAX_USERNAME);
  const isMethod = (item: string): boolean => item !== "" && isText(item, MAX_METHOD);
  return {
    username,
    displayName: textClaim(payload, names.displayName, MAX_DISPLAY_NAME),
    roles:
      names.roles === undefined
        ? undefined
        : listClaim(
            payload,
            names.roles,
            MAX_ROLES,
            (role) => role.length <= MAX_ROLE && isRole(role),
          ),
    acr: textClaim(payload, names.acr, MAX_ACR),
    amr: listClaim(payload, names.amr, MAX_METHODS, isMethod) ?? [],
  };
};
