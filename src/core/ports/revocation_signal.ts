/**
 * Tells replicas that sessions have ended, so that those who follow the order of
 * revocations look at once. It only wakes: it may be lost, late or doubled, and
 * nothing that must hold depends on it.
 */
export interface RevocationSignal {
  /** Wakes the followers in this process, and of other replicas as far as they can be reached; returns at once. */
  announce(): void;
  /** Calls back when sessions may have ended, here or on another replica. */
  onRevocation(listener: () => void): void;
  close(): Promise<void>;
}
