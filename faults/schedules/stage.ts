import type { KnownUser, RecordingClient } from "../client/recording_client.js";
import type { Target } from "../client/target.js";
import type { Random } from "../random.js";

/** The setting in which a schedule is played: replicas, and a client that records their answers. */
export interface Stage {
  readonly random: Random;
  readonly replicas: readonly Target[];
  readonly client: RecordingClient;
  newUser(): Promise<KnownUser>;
}

/** Something that goes wrong. Resolves when it has begun, to what mends it. */
export interface Fault {
  readonly name: string;
  begin(): Promise<() => Promise<unknown>>;
}
