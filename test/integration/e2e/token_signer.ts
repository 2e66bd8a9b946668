import { setTimeout } from "node:timers/promises";
import { decodeJwt } from "jose";
import type { AccessClaims } from "../../../src/access_token/access_claims.js";
import { openKeyring } from "../../../src/crypto/keyring.js";
import { createTokenSigner } from "../../../src/crypto/token_signer.js";
import { openDatabase } from "../../../src/postgres/database.js";
import { postgresKeyStore } from "../../../src/postgres/key_store.js";

/** Signs the claims of a token again, with some of them replaced. */
export type ChangeClaims = (token: string, claims: Partial<AccessClaims>) => Promise<string>;

/** Opens the keys of a service, to make tokens that it would have to wait for. */
export const openSigner = async (databaseUrl: string): Promise<ChangeClaims> => {
  const database = openDatabase({
    connection: databaseUrl,
    poolSize: 1,
    acquireTimeoutMs: 5000,
    statementTimeoutMs: 5000,
  });
  try {
    const keyring = await openKeyring({
      store: postgresKeyStore(database),
      algorithm: "ES256",
      clock: { now: Date.now, monotonic: () => performance.now(), sleep: (ms) => setTimeout(ms) },
    });
    const { sign } = createTokenSigner(keyring);
    return (token, claims) => {
      const own = decodeJwt<AccessClaims>(token);
      return sign({ ...own, aud: [own.aud].flat(), ...claims });
    };
  } finally {
    await database.destroy();
  }
};
