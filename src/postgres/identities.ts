import type { Identities } from "../core/ports/identities.js";
import type { Rows } from "./statements.js";

const USER_OF = `
  SELECT i.user_id FROM identities i WHERE i.issuer = ?::text AND i.subject = ?::text`;

const CLAIM = `
  INSERT INTO identities (issuer, subject, user_id, created_at)
  VALUES (?::text, ?::text, ?::uuid, ?::timestamptz)
  ON CONFLICT (issuer, subject) DO NOTHING`;

const DROP = `
  DELETE FROM identities i
  WHERE i.issuer = ?::text AND i.subject = ?::text AND i.user_id = ?::uuid RETURNING 1`;

const COUNT = "SELECT count(*)::int AS count FROM identities i WHERE i.user_id = ?::uuid";

/** The statements of one transaction. */
export const identities = (rows: Rows): Identities => {
  const userOfIdentity: Identities["userOfIdentity"] = async ({ issuer, subject }) => {
    const [found] = await rows<{ user_id: string }>(USER_OF, [issuer, subject]);
    return found?.user_id;
  };
  return {
    userOfIdentity,
    async claimIdentity(identity, userId, at) {
      await rows(CLAIM, [identity.issuer, identity.subject, userId, new Date(at)]);
      // Undefined if the previous owner was deleted meanwhile: the caller repeats the search.
      return (await userOfIdentity(identity)) ?? userId;
    },
    async dropIdentity({ issuer, subject }, userId) {
      return (await rows(DROP, [issuer, subject, userId])).length === 1;
    },
    async countIdentities(userId) {
      const [counted] = await rows<{ count: number }>(COUNT, [userId]);
      return counted?.count ?? 0;
    },
  };
};
