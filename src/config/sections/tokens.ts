import { encryptionKey, readableFolder } from "../file_values.js";
import { setting } from "../setting.js";
import { duration, oneOf, text } from "../value_schemas.js";

/** What tokens say and what signs them. */
export const TOKEN_SETTINGS = {
  jwtIssuer: setting({
    name: "JWT_ISSUER",
    schema: text("a name or URL without spaces", /^[\x21-\x7e]+$/).optional(),
    fallbackDoc: "`http://localhost:8000`; required in production",
    doc: "The `iss` of access tokens: who made them. The same on all replicas.",
  }),
  jwtAudience: setting({
    name: "JWT_AUDIENCE",
    schema: text("a name or URL without spaces", /^[\x21-\x7e]+$/),
    fallback: "curfew",
    doc: "The `aud` of access tokens: whom they are for.",
  }),
  defaultClientId: setting({
    name: "DEFAULT_CLIENT_ID",
    schema: text(
      "a name of at most 255 printable characters without spaces",
      /^[\x21-\x7e]{1,255}$/,
    ),
    fallback: "curfew",
    doc: "The `client_id` of sessions that are made without one: the application that people sign in to. The same on all replicas.",
  }),
  jwtAlgorithm: setting({
    name: "JWT_ALGORITHM",
    schema: oneOf("ES256", "EdDSA", "RS256"),
    fallback: "ES256",
    doc: "Algorithm of access tokens (RFC 7518, RFC 8037). Most JWT libraries refuse EdDSA. After a change the key of the new algorithm is published first, and tokens of the old keys stay good. If it is not set, keys of any algorithm in `JWT_KEYS_DIR` may sign.",
  }),
  accessTokenLifetimeMs: setting({
    name: "ACCESS_TOKEN_EXPIRE_MINUTES",
    schema: duration("minutes", 1_440),
    fallback: "15",
    doc: "How long an access token is good; never longer than its session.",
  }),
  keyEncryptionKey: setting({
    name: "KEY_ENCRYPTION_KEY",
    schema: encryptionKey().optional(),
    fallbackDoc:
      "keys are stored in clear; in production either this or `JWT_KEYS_DIR` is required",
    doc: "Encrypts the private keys in PostgreSQL.",
    secret: true,
  }),
  keyRotationMs: setting({
    name: "KEY_ROTATION_HOURS",
    schema: duration("hours", 87_600, "zero"),
    fallback: "2160",
    doc: "How long a key in PostgreSQL signs before the next one is made. 0: keys are rotated by `curfew keys rotate` alone.",
  }),
  keyPublicationMs: setting({
    name: "KEY_PUBLICATION_MINUTES",
    schema: duration("minutes", 10_080),
    fallback: "10",
    doc: "How long a new key is published before it signs: longer than any validator keeps the key set. The same on all replicas.",
  }),
  jwtKeysDir: setting({
    name: "JWT_KEYS_DIR",
    schema: readableFolder().optional(),
    fallbackDoc: "keys are kept in PostgreSQL",
    doc: "Folder of key files to use instead of those in PostgreSQL.",
  }),
} as const;
