import type { Random } from "../random.js";
import type { Cluster } from "./cluster.js";
import type { FaultKind } from "./plan.js";
import type { ClusterReplica } from "./replica.js";

/** Something that goes wrong in a cluster, and is mended after a while. */
export interface ClusterFault extends FaultKind {
  play(trouble: Trouble): Promise<unknown>;
}

export interface Trouble {
  readonly cluster: Cluster;
  /** The replica it hits, if it hits one. */
  readonly replica: ClusterReplica;
  readonly lastsMs: number;
  readonly random: Random;
}
