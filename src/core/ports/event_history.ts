/** The events before those that a follower receives, as its transaction sees them. */
export interface EventHistory {
  /** Failed logins since a moment, by user id or by source: an IPv4 address or an IPv6 network (/64). */
  failedLogins(
    by: "user" | "address",
    subjects: readonly string[],
    since: number,
  ): Promise<ReadonlyMap<string, number>>;
  /** Sessions that each of these callers has ended since a moment, their own logouts left out. */
  revocationsBy(actors: readonly string[], since: number): Promise<ReadonlyMap<string, number>>;
  /** Resolves to the subjects for which the pattern was reported since a moment. */
  toldOf(kind: string, since: number): Promise<ReadonlySet<string>>;
  /** What these sessions were made with. */
  signInsOf(sessionIds: readonly string[]): Promise<ReadonlyMap<string, SignIn>>;
  /** The addresses that these sessions were lately refreshed from, before the events handed out. */
  addressesOf(sessionIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
  /**
   * Notes that users have signed in with these devices. Resolves to those that
   * were not known while the user had others.
   */
  noteDevices(devices: readonly UserDevice[]): Promise<readonly UserDevice[]>;
}

export interface SignIn {
  /** The name that the user gave the device. */
  readonly device: string;
  readonly userAgent: string;
  readonly ip: string;
}

/** A device from which a user signs in. */
export interface UserDevice {
  readonly userId: string;
  /** One text for the same software in all its versions. */
  readonly device: string;
  /** When it was used, in milliseconds since the epoch. */
  readonly at: number;
}
