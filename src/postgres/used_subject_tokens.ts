import type { UsedSubjectTokens } from "../core/ports/used_subject_tokens.js";
import type { Rows } from "./statements.js";

const SESSION_OF = `
  SELECT u.session_id FROM used_subject_tokens u WHERE u.fingerprint = ?`;

/** Waits for a transaction that has inserted the same row, and sees what it committed. */
const USE = `
  INSERT INTO used_subject_tokens AS u (fingerprint, session_id, accepted_until)
  VALUES (?, ?::uuid, ?::timestamptz)
  ON CONFLICT (fingerprint) DO UPDATE SET session_id = excluded.session_id
    WHERE u.session_id = ?::uuid
  RETURNING u.session_id`;

/** A subquery in IN may run once for each row, and then deletes more than `limit`. */
const DELETE_BEFORE = `
  WITH due AS MATERIALIZED (
    SELECT u.fingerprint FROM used_subject_tokens u WHERE u.accepted_until < ?::timestamptz
    ORDER BY u.accepted_until LIMIT ? FOR UPDATE SKIP LOCKED
  )
  DELETE FROM used_subject_tokens d USING due WHERE d.fingerprint = due.fingerprint
  RETURNING 1`;

/** The statements of one transaction. */
export const usedSubjectTokens = (rows: Rows): UsedSubjectTokens => ({
  async sessionOfSubjectToken(fingerprint) {
    const [use] = await rows<{ session_id: string }>(SESSION_OF, [fingerprint]);
    return use?.session_id;
  },
  async markTokenUsed({ fingerprint, sessionId, acceptedUntil }, instead) {
    const until = new Date(acceptedUntil);
    const used = await rows(USE, [fingerprint, sessionId, until, instead ?? null]);
    return used.length === 1;
  },
});

/** Deletes up to `limit` uses of tokens that were not accepted any more before `at`. Resolves to how many. */
export const deleteUsesBefore = async (rows: Rows, at: number, limit: number): Promise<number> =>
  (await rows(DELETE_BEFORE, [new Date(at), limit])).length;
