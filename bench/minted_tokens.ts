import { systemClock } from "../src/composition/core.js";
import { openKeyring } from "../src/crypto/keyring.js";
import { createTokenSigner } from "../src/crypto/token_signer.js";
import { openDatabase } from "../src/postgres/database.js";
import { postgresKeyStore } from "../src/postgres/key_store.js";
import type { LiveSession } from "./live_sessions.js";

/** The issuer and the audience of the tokens; the service under test is started with the same values. */
export const ISSUER = "https://curfew.bench";
export const AUDIENCE = "bench";

const LIFETIME_SECONDS = 900;

/** Access tokens of the sessions, signed with the service's own key as a login would. */
export const mintTokens = async (
  databaseUrl: string,
  sessions: readonly LiveSession[],
): Promise<string[]> => {
  const database = openDatabase({
    connection: databaseUrl,
    poolSize: 1,
    acquireTimeoutMs: 10_000,
    statementTimeoutMs: 10_000,
  });
  try {
    const store = postgresKeyStore(database);
    const signer = createTokenSigner(
      await openKeyring({ store, algorithm: "ES256", clock: systemClock() }),
    );
    const iat = Math.floor(Date.now() / 1000);
    const tokens: string[] = [];
    for (const session of sessions)
      tokens.push(
        await signer.sign({
          iss: ISSUER,
          aud: [AUDIENCE],
          sub: session.userId,
          sid: session.sessionId,
          jti: session.sessionId,
          iat,
          exp: iat + LIFETIME_SECONDS,
          sexp: session.expiresAt / 1000,
          auth_time: Math.floor(session.createdAt / 1000),
          amr: ["pwd"],
          roles: [],
        }),
      );
    return tokens;
  } finally {
    await database.destroy();
  }
};
