import { ValidatorError } from "../validator_error.js";

/** The part of an HTTP request that a credential is in; node:http's, and what is built on it. */
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
 * The bearer token of a request. Throws CREDENTIALS_MISSING without one, and
 * with two: they are two opinions who is calling, and Node shows only the first.
 */
export const bearerOf = ({ headers, rawHeaders }: CredentialRequest): string => {
  if (rawHeaders !== undefined && countOf("authorization", rawHeaders) > 1)
    throw new ValidatorError("CREDENTIALS_MISSING", {
      detail: "The request has more than one authorization header",
    });
  return bearerToken(headers.authorization);
};
