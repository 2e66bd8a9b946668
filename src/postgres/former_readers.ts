/**
 * Whether a replica may still answer from a former primary, which lacks the commits since the failover. Its placeholder
 * is the primary of this connection (`primaryIdOf`); without one the answer is no.
 *
 * @param marginMs how long ago a lease must have ended, in milliseconds
 */
export const formerReaders = (marginMs = 0): string => `
  EXISTS (
    SELECT 1 FROM replicas f
    WHERE f.primary_id <> ?::text
      AND f.reads_until > clock_timestamp() - ${Number(marginMs)} * interval '1 millisecond'
  )`;
