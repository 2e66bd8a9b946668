import { overBudget, sourceOverBudget } from "./refusal.js";

/** Bytes of bodies that a gateway holds at once. */
export interface BodyLimits {
  /** Of requests whose credential was found good. */
  readonly provenBodyBytes: number;
  /** Of all others together, and of one source. */
  readonly anonymousBodyBytes: number;
  readonly anonymousBodyBytesPerSource: number;
}

/** The memory of one request's body. */
export interface BodyShare {
  /** @throws ProblemError 429 or 503 if there is no memory for these bytes */
  take(bytes: number): void;
  /** The caller's credential is good: the bytes taken no longer count towards the strangers' limit. */
  prove(): void;
  /** Gives everything back. More than once does nothing. */
  release(): void;
}

/** The memory of bodies: a small part for strangers, a smaller one for each source, the rest for callers with credentials (D8). */
export const createBodyBudget = (limits: BodyLimits) => {
  const bySource = new Map<string, number>();
  let anonymous = 0;
  let proven = 0;

  const add = (source: string, bytes: number): void => {
    anonymous += bytes;
    const left = (bySource.get(source) ?? 0) + bytes;
    if (left > 0) bySource.set(source, left);
    else bySource.delete(source);
  };

  const open = (source: string): BodyShare => {
    let held = 0;
    let isProven = false;
    const takeAnonymous = (bytes: number): void => {
      const ofSource = bySource.get(source) ?? 0;
      if (ofSource + bytes > limits.anonymousBodyBytesPerSource)
        throw sourceOverBudget("body_bytes_per_source");
      if (anonymous + bytes > limits.anonymousBodyBytes) throw overBudget("anonymous_body_bytes");
      add(source, bytes);
    };
    const takeProven = (bytes: number): void => {
      if (proven + bytes > limits.provenBodyBytes) throw overBudget("body_bytes");
      proven += bytes;
    };
    return {
      take(bytes) {
        if (isProven) takeProven(bytes);
        else takeAnonymous(bytes);
        held += bytes;
      },
      prove() {
        if (isProven) return;
        takeProven(held);
        add(source, -held);
        isProven = true;
      },
      release() {
        if (isProven) proven -= held;
        else add(source, -held);
        held = 0;
      },
    };
  };
  return { open };
};

export type BodyBudget = ReturnType<typeof createBodyBudget>;
