import { Metadata } from "@grpc/grpc-js";
import type { AuthServiceClient } from "../../../generated/curfew/v1/auth_service.js";
import { misused } from "../command_failure.js";
import { callUnary } from "./call.js";

/** The credential of the caller. It supplies the metadata of each call and revokes any session that it created. */
export interface Credential {
  metadata(): Promise<Metadata>;
  close(): Promise<void>;
}

/** The letters of a bearer token (RFC 6750, section 2.1). */
const TOKEN68 = /^[A-Za-z0-9._~+/-]+=*$/;

const bearer = (token: string | undefined): Metadata => {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  return metadata;
};

/** Refuses what cannot be a token, in words that repeat nothing of it. */
const checkToken = (token: string, name: string): void => {
  if (TOKEN68.test(token)) return;
  const why = /[\r\n]/.test(token)
    ? "it has a line break in it"
    : /[^\x20-\x7e]/.test(token)
      ? "it has a letter outside ASCII, or a control character"
      : "it is empty, or has a space or a sign that no token has";
  throw misused(
    `${name} is neither an access token nor a service key: ${why}. Copy it again, whole and on one line.`,
  );
};

/**
 * A given token, or none: without a token the server identifies the caller by the client certificate.
 *
 * @param name the option or variable that the token comes from, for messages
 */
export const fixedCredential = (token: string | undefined, name: string): Credential => {
  if (token !== undefined) checkToken(token, name);
  return { metadata: async () => bearer(token), close: async () => undefined };
};

/** How long before its end an access token is exchanged, in milliseconds. */
const AHEAD_MS = 30_000;

/**
 * Signs in, keeps the tokens fresh for as long as the command runs, and logs
 * out at its end, so that commands leave no sessions behind.
 */
export const signIn = async (
  auth: AuthServiceClient,
  { username, password }: { readonly username: string; readonly password: string },
  context: { readonly target: string; readonly timeoutMs: number; readonly now: () => number },
): Promise<Credential> => {
  const anonymous = { ...context, metadata: new Metadata() };
  const request = { username, password, language: "en", deviceName: "curfew command line" };
  let tokens: { accessToken: string; refreshToken: string; expiresIn: number } = await callUnary(
    auth.login.bind(auth),
    request,
    anonymous,
  );
  let freshUntil = context.now() + tokens.expiresIn * 1_000 - AHEAD_MS;
  return {
    metadata: async () => {
      if (context.now() >= freshUntil) {
        const { refreshToken } = tokens;
        const refresh = auth.refreshTokens.bind(auth);
        tokens = await callUnary(refresh, { refreshToken, language: "en" }, anonymous);
        freshUntil = context.now() + tokens.expiresIn * 1_000 - AHEAD_MS;
      }
      return bearer(tokens.accessToken);
    },
    close: async () => {
      const logout = auth.logout.bind(auth);
      const request = { accessToken: tokens.accessToken, language: "en" };
      // The work is done: a session that stays behind ends by its timeout.
      await callUnary(logout, request, anonymous).catch(() => undefined);
    },
  };
};
