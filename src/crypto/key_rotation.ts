import type { Clock } from "../core/ports/clock.js";
import type {
  KeyMove,
  KeyStore,
  KeyUse,
  SigningAlgorithm,
  StoredKey,
} from "../core/ports/key_store.js";
import { DEFAULT_PUBLICATION_MS } from "./keyring.js";
import { describeKey, type KeyDescription, type KeyTimes } from "./keys/key_description.js";
import { KeyError } from "./keys/key_error.js";
import { keyEvent } from "./keys/key_event.js";
import { algorithmFor } from "./keys/key_lifecycle.js";
import { makeStoredKey } from "./keys/stored_key.js";

export interface KeyRotationOptions extends Omit<KeyTimes, "publicationMs"> {
  readonly store: KeyStore;
  /** JWT_KEYS_DIR: signing keys that come from files are rotated there. */
  readonly directory?: string | undefined;
  readonly algorithm: SigningAlgorithm;
  readonly encryptionKey?: Uint8Array | undefined;
  readonly clock: Pick<Clock, "now">;
  /** As in the keyring. */
  readonly publicationMs?: number | undefined;
}

/** The operations of an operator on keys. Replicas follow at their next reload. Refusals are KeyErrors. */
export interface KeyRotation {
  /** Every stored key, oldest first. */
  list(): Promise<KeyDescription[]>;
  /**
   * Creates the next key and publishes it. The key signs automatically once it has been published for long enough.
   * `immediately` lets a signing key sign at once: for a leaked key, at the price that local validators may not know it
   * yet.
   */
  rotate(how?: { use?: KeyUse; immediately?: boolean }): Promise<KeyDescription>;
  /** Lets a published key sign; before its time only with `force`. */
  activate(kid: string, how?: { force?: boolean }): Promise<void>;
  /**
   * Stops accepting a key. Refused while a token of it may be alive, unless
   * with `force`, which kills those tokens; refused always for the key that signs.
   */
  retire(kid: string, how?: { force?: boolean }): Promise<void>;
}

export function createKeyRotation(options: KeyRotationOptions): KeyRotation {
  const { store, clock, encryptionKey } = options;
  const times: KeyTimes = {
    publicationMs: options.publicationMs ?? DEFAULT_PUBLICATION_MS,
    accessTokenMs: options.accessTokenMs,
    sessionMs: options.sessionMs,
  };

  async function list(): Promise<KeyDescription[]> {
    return (await store.list()).map((key) => describeKey(key, times));
  }

  async function find(kid: string): Promise<KeyDescription> {
    const key = (await list()).find((candidate) => candidate.kid === kid);
    if (key === undefined) {
      throw new KeyError(`There is no key ${kid} in the store. See: curfew keys list`);
    }
    return key;
  }

  /** The moves by which a key starts to sign, and those before it stop. */
  async function starting(key: Pick<StoredKey, "kid" | "use">, at: number): Promise<KeyMove[]> {
    const others = (await store.list()).filter(
      ({ kid, use, state }) => kid !== key.kid && use === key.use && state === "active",
    );
    return [
      { kid: key.kid, to: "active", at },
      ...others.map(({ kid }): KeyMove => ({ kid, to: "retiring", at })),
    ];
  }

  return {
    list,
    async rotate({ use = "sign", immediately = false } = {}) {
      if (use === "sign" && options.directory !== undefined) {
        throw new KeyError(
          "Signing keys come from JWT_KEYS_DIR. Add a key file there, and name it in the file " +
            `"active" when every replica has it.`,
        );
      }
      if (use === "refresh" && immediately) {
        throw new KeyError("A refresh key is published first, or other replicas log users out.");
      }
      const algorithm = algorithmFor(use, options.algorithm);
      const waiting = (await list()).find(
        (key) => key.state === "next" && key.use === use && key.algorithm === algorithm,
      );
      if (waiting !== undefined && !immediately) {
        throw new KeyError(
          `Key ${waiting.kid} is waiting to sign already, from ${instant(waiting.signsFrom)} on.`,
        );
      }
      const key = await makeStoredKey({
        algorithm,
        state: "next",
        encryptionKey,
        now: clock.now(),
      });
      await store.change({
        insert: key,
        moves: immediately ? await starting(key, key.createdAt) : [],
        event: keyEvent(key.kid, use, "rotate", key.createdAt),
      });
      return find(key.kid);
    },
    async activate(kid, { force = false } = {}) {
      const key = await find(kid);
      if (key.state === "active") {
        return;
      }
      if (key.signsFrom === undefined) {
        throw new KeyError(`Key ${kid} is ${key.state} and cannot sign again.`);
      }
      if (clock.now() < key.signsFrom && !(force && key.use === "sign")) {
        throw new KeyError(
          `Key ${kid} is not known everywhere yet; it can sign from ${instant(key.signsFrom)} on.`,
        );
      }
      const now = clock.now();
      await store.change({
        moves: await starting(key, now),
        event: keyEvent(kid, key.use, "activate", now),
      });
    },
    async retire(kid, { force = false } = {}) {
      const key = await find(kid);
      if (key.state === "active") {
        throw new KeyError(`Key ${kid} signs. Rotate first: curfew keys rotate`);
      }
      if (clock.now() < (key.retirableFrom ?? 0) && !force) {
        throw new KeyError(`Key ${kid} may have live tokens until ${instant(key.retirableFrom)}.`);
      }
      const now = clock.now();
      await store.change({
        moves: [{ kid, to: "retired", at: now }],
        event: keyEvent(kid, key.use, "retire", now),
      });
    },
  };
}

const instant = (ms: number | undefined): string => new Date(ms ?? 0).toISOString();
