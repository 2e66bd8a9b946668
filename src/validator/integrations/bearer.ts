import { ValidatorError } from "../validator_error.js";

/** The part of an HTTP request that holds a credential: node:http's request, and those built on it. */
export interface CredentialRequest {
  readonly headers: { readonly authorization?: string | undefined };
  /** Names and values in turn, as they were sent. */
  readonly rawHeaders?: readonly string[];
}

const BEARER = /^Bearer +([^\s]+) *$/i;

const countOf = (name: string, rawHeaders: readonly string[]): number =>
  rawHeaders.filter((header, index) => index % 2 === 0 && header.toLowerCase() === name).length;

/** The token of an `authorization` value (RFC 6750 section 2.1). Throws CREDENTIALS_MISSING. */
export const bearerToken = (authorization: string | undefined): string => {
  const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
  if (token === undefined) throw new ValidatorError("CREDENTIALS_MISSING");
  return token;
};

/**
 * Returns the bearer token of a request. Throws CREDENTIALS_MISSING if there is none, or more than one: two tokens may
 * name different callers, and Node shows only the first.
 */
export const bearerOf = ({ headers, rawHeaders }: CredentialRequest): string => {
  if (rawHeaders !== undefined && countOf("authorization", rawHeaders) > 1)
    throw new ValidatorError("CREDENTIALS_MISSING", {
      detail: "The request has more than one authorization header",
    });
  return bearerToken(headers.authorization);
};
