/**
 * Notifies replicas that sessions have been revoked, so that followers of the order of revocations read it at once. The
 * signal only wakes them: it may be lost, late or repeated, and no guarantee depends on it.
 */
export interface RevocationSignal {
  /** Wakes the followers in this process, and of other replicas as far as they can be reached; returns at once. */
  announce(): void;
  /** Calls back when sessions may have ended, here or on another replica. */
  onRevocation(listener: () => void): void;
  close(): Promise<void>;
}
