import type { StoredKey } from "../../core/ports/key_store.js";
import { isSealed } from "./sealed_secret.js";

/** A stored key without its secret, for `curfew keys list`. Times are milliseconds since the epoch. */
export interface KeyDescription extends Omit<StoredKey, "secret"> {
  /** Whether the secret is encrypted under KEY_ENCRYPTION_KEY. */
  readonly sealed: boolean;
  /** When a `next` key may sign. */
  readonly signsFrom?: number | undefined;
  /** When the last token of a `retiring` key is dead. */
  readonly retirableFrom?: number | undefined;
}

export interface KeyTimes {
  /** How long a key is published before it signs, in milliseconds. */
  readonly publicationMs: number;
  /** The longest life of an access token, in milliseconds. */
  readonly accessTokenMs: number;
  /** The longest life of a session and so of a refresh token, in milliseconds. */
  readonly sessionMs: number;
}

/** Describes a key, with the times at which its next change may come. */
export function describeKey({ secret, ...key }: StoredKey, times: KeyTimes): KeyDescription {
  const today = key.use === "sign" ? times.accessTokenMs : times.sessionMs;
  // Settings may have been lowered since the key signed.
  const tokenMs = Math.max(today, key.tokenMs ?? 0);
  return {
    ...key,
    sealed: isSealed(secret),
    signsFrom: key.state === "next" ? key.createdAt + times.publicationMs : undefined,
    // A replica may sign with it for as long as it has not reloaded: less than the time of publication.
    retirableFrom:
      key.state === "retiring" && key.retiringAt !== undefined
        ? key.retiringAt + times.publicationMs + tokenMs
        : undefined,
  };
}
