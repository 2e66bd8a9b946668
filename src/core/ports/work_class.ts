/**
 * Kinds of work that have shares of the primary store of their own, so that a
 * storm of one kind never delays another (O2):
 *
 * - `control`: the heartbeat, the cache lease, invalidation, the order of
 *   revocations, service keys and signing keys;
 * - `validation`: what a validation reads, and the timeout that it records;
 * - `administration`: revocations, and everything that administrators and users
 *   do with sessions and accounts;
 * - `sign_in`: logins and refreshes;
 * - `background`: activity, events, cleanup and counts.
 */
export const WORK_CLASSES = [
  "control",
  "validation",
  "administration",
  "sign_in",
  "background",
] as const;

export type WorkClass = (typeof WORK_CLASSES)[number];
