import { createHash } from "node:crypto";
import {
  CreateSessionRequest,
  type UserProfile,
} from "../../../generated/curfew/v1/auth_service.js";
import { invalidField } from "../../core/errors.js";
import type { CreateSessionInput } from "../../core/login/create_session.js";
import type { ExternalProfile } from "../../core/users/external_user.js";
import { canonicalAddress } from "../client_address.js";

/** Printable ASCII without spaces (RFC 6749, appendix A.1). */
const CLIENT_ID = /^[\x21-\x7e]*$/;

/** @throws CurfewError INVALID_ARGUMENT for a `client_id` that no token could carry as it is */
export const clientIdOf = (clientId: string): string => {
  if (!CLIENT_ID.test(clientId))
    throw invalidField("client_id", "must be printable ASCII without spaces");
  return clientId;
};

const given = <T extends string | number>(value: T): T | undefined => value || undefined;

const profileFrom = ({ username, displayName, roles }: UserProfile): ExternalProfile => ({
  username: given(username),
  displayName: given(displayName),
  roles: roles.length === 0 ? undefined : [...new Set(roles)],
});

const subjectFrom = ({ subject, profile }: CreateSessionRequest): CreateSessionInput["subject"] => {
  switch (subject?.$case) {
    case "userId":
      if (subject.value === "") throw invalidField("user_id", "must have at least 1 character");
      if (profile !== undefined)
        throw invalidField("profile", "is taken with `external` only; use UpdateUser");
      return { userId: subject.value };
    case "external":
      return { identity: subject.value, profile: profile && profileFrom(profile) };
    case undefined:
      throw invalidField("user_id", "one of `user_id` and `external` must be given");
  }
};

/** In the form that addresses are stored in. */
const addressFrom = (text: string): string => {
  if (text === "") return "";
  const address = canonicalAddress(text);
  if (address === undefined) throw invalidField("ip", "must be an IPv4 or IPv6 address");
  return address;
};

/** One text for the same request, whatever its language and idempotency key. */
const fingerprintOf = (request: CreateSessionRequest): string =>
  createHash("sha256")
    .update(CreateSessionRequest.encode({ ...request, language: "", idempotencyKey: "" }).finish())
    .digest("base64url");

/** The input of the core. @throws CurfewError INVALID_ARGUMENT */
export const createSessionFromProto = (
  request: CreateSessionRequest,
  caller: { readonly by: string; readonly ip: string },
): CreateSessionInput => {
  const { idempotencyKey: key, idleTimeoutSeconds, maxLifetimeSeconds } = request;
  return {
    subject: subjectFrom(request),
    terms: {
      device: request.deviceName,
      ip: addressFrom(request.ip),
      userAgent: request.userAgent,
      clientId: clientIdOf(request.clientId),
      amr: [...new Set(request.amr)],
      acr: given(request.acr),
      authTime: request.authTime?.getTime(),
      idleTimeoutMs: given(idleTimeoutSeconds * 1000),
      maxLifetimeMs: given(maxLifetimeSeconds * 1000),
    },
    by: caller.by,
    callerIp: caller.ip,
    idempotency: key === "" ? undefined : { key, fingerprint: fingerprintOf(request) },
  };
};
