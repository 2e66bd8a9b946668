import type {
  KeyAlgorithm,
  KeyState,
  KeyUse,
  SigningAlgorithm,
  StoredKey,
} from "../../core/ports/key_store.js";

/** A change of state that is due. */
export interface Transition {
  readonly kid: string;
  readonly to: Exclude<KeyState, "next">;
}

/** The algorithm of new keys of a use. */
export const algorithmFor = (use: KeyUse, signing: SigningAlgorithm): KeyAlgorithm =>
  use === "sign" ? signing : "HS256";

/**
 * The key that signs: the newest active one of the algorithm, or while that
 * algorithm's first key is still being made known, the newest active one.
 */
export function currentKey(
  keys: readonly StoredKey[],
  algorithm: KeyAlgorithm,
): StoredKey | undefined {
  const active = keys.filter(({ state }) => state === "active").sort(byActivation);
  return active.findLast((key) => key.algorithm === algorithm) ?? active.at(-1);
}

/**
 * Returns the due changes among the keys of one use: a `next` key that has been published for long enough becomes the
 * signing key, and the keys before it stop signing. Every replica computes the same answer, so any of them may act.
 */
export function dueTransitions(
  keys: readonly StoredKey[],
  algorithm: KeyAlgorithm,
  publishedBefore: number,
): Transition[] {
  const newest = currentKey(keys, algorithm);
  const current = newest?.algorithm === algorithm ? newest : undefined;
  const waiting = keys
    .filter((key) => key.state === "next" && key.algorithm === algorithm)
    .sort((a, b) => a.createdAt - b.createdAt);
  const successor = waiting.findLast(
    ({ createdAt }) => createdAt <= publishedBefore && createdAt >= (current?.createdAt ?? 0),
  );
  const signer = successor ?? current;
  if (signer === undefined) {
    return [];
  }
  const start: Transition[] = successor ? [{ kid: successor.kid, to: "active" }] : [];
  const stop = keys
    .filter((key) => key.state === "active" && (successor || byActivation(key, signer) < 0))
    .map(({ kid }): Transition => ({ kid, to: "retiring" }));
  // A `next` key older than the one that signs never signed and never will.
  const drop = waiting
    .filter(({ createdAt }) => createdAt < signer.createdAt)
    .map(({ kid }): Transition => ({ kid, to: "retired" }));
  return [...start, ...stop, ...drop];
}

function byActivation(a: StoredKey, b: StoredKey): number {
  const difference = (a.activatedAt ?? a.createdAt) - (b.activatedAt ?? b.createdAt);
  return difference || a.createdAt - b.createdAt || (a.kid < b.kid ? -1 : Number(a.kid > b.kid));
}
