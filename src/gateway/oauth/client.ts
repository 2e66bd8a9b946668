import type { FastifyRequest } from "fastify";
import { authorizationHeader } from "../credential.js";
import type { Form } from "./form.js";
import { invalidClient, invalidRequest } from "./oauth_error.js";

/** The caller of an OAuth endpoint, as the request names it. The service judges the credential. */
export interface OAuthClient {
  readonly method: "none" | "client_secret_basic" | "client_secret_post" | "bearer";
  /** The client's id: at introspection the name of a service key. */
  readonly id: string | undefined;
  /** The credential as a value of the `authorization` metadata; undefined: there is none. */
  readonly authorization: string | undefined;
}

const MALFORMED = "The Authorization header is malformed.";

/** Client ids and secrets are form-encoded before they are put into the header (RFC 6749 section 2.3.1). */
const formDecode = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw invalidClient(MALFORMED);
  }
};

const basic = (id: string, secret: string): string =>
  `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;

const fromBasic = (encoded: string, form: Form): OAuthClient => {
  const pair = Buffer.from(encoded, "base64").toString();
  const at = pair.indexOf(":");
  if (at < 0) throw invalidClient(MALFORMED);
  const id = formDecode(pair.slice(0, at));
  const named = form.get("client_id");
  if (named !== undefined && named !== id) {
    throw invalidRequest("The client_id in the body is not that of the Authorization header.");
  }
  const authorization = basic(id, formDecode(pair.slice(at + 1)));
  return { method: "client_secret_basic", id, authorization };
};

const fromHeader = (header: string, form: Form): OAuthClient => {
  const [, scheme = "", value = ""] = /^([^ ]+) +([^ ]+) *$/.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case "basic":
      return fromBasic(value, form);
    case "bearer":
      return { method: "bearer", id: form.get("client_id"), authorization: `Bearer ${value}` };
    case "":
      throw invalidClient(MALFORMED);
    default:
      throw invalidClient("The Authorization header must be of the scheme Basic or Bearer.");
  }
};

/**
 * Reads the client and its credential from the `Authorization` header or the body
 * (RFC 6749 section 2.3.1).
 *
 * @throws OAuthError invalid_request if there is a credential in both, invalid_client for a
 *   malformed header or an unsupported method
 */
export const readClient = (request: FastifyRequest, form: Form): OAuthClient => {
  const header = authorizationHeader(request);
  const secret = form.get("client_secret");
  const id = form.get("client_id");
  if (form.has("client_assertion") || form.has("client_assertion_type")) {
    throw invalidClient("Client assertions are not supported.");
  }
  if (header !== undefined) {
    if (secret !== undefined) {
      throw invalidRequest("There are client credentials in the header and in the body.");
    }
    return fromHeader(header, form);
  }
  if (secret === undefined) return { method: "none", id, authorization: undefined };
  if (id === undefined) throw invalidRequest("The parameter client_id is missing from the body.");
  return { method: "client_secret_post", id, authorization: basic(id, secret) };
};
