import { invalidRequest } from "./oauth_error.js";

/** The parameters of a request by name. A parameter without a value counts as absent (RFC 6749 section 3.2). */
export type Form = ReadonlyMap<string, string>;

/** No endpoint takes as many parameters. */
const MAX_PARAMETERS = 64;

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw invalidRequest("The body is not valid application/x-www-form-urlencoded in UTF-8.");
  }
};

/**
 * Reads a body of the type application/x-www-form-urlencoded.
 *
 * @throws OAuthError invalid_request for a malformed body, a repeated parameter or too many of them
 */
export const parseForm = (body: string): Form => {
  const pairs = body.split("&", MAX_PARAMETERS + 1).filter((pair) => pair !== "");
  if (pairs.length > MAX_PARAMETERS) throw invalidRequest("The body has too many parameters.");
  const form = new Map<string, string>();
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    const name = decode(at < 0 ? pair : pair.slice(0, at));
    if (form.has(name)) {
      throw invalidRequest(`The parameter ${name.slice(0, 40)} is given more than once.`);
    }
    form.set(name, at < 0 ? "" : decode(pair.slice(at + 1)));
  }
  return new Map([...form].filter(([, value]) => value !== ""));
};

/** @throws OAuthError invalid_request if the parameter is absent */
export const requireParameter = (form: Form, name: string): string => {
  const value = form.get(name);
  if (value === undefined) throw invalidRequest(`The parameter ${name} is missing from the body.`);
  return value;
};
