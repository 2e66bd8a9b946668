import type { ClusterFault } from "./fault.js";
import { postgresFaults } from "./postgres_faults.js";
import { redisFaults } from "./redis_faults.js";
import { clockFault, replicaFaults, versionFault } from "./replica_faults.js";

/** What this machine and these options allow. */
export interface Means {
  readonly fakeTime: boolean;
  readonly older: boolean;
}

/** All that can go wrong. */
export const faultsWith = ({ fakeTime, older }: Means): readonly ClusterFault[] => [
  ...replicaFaults,
  ...redisFaults,
  ...postgresFaults,
  ...(fakeTime ? [clockFault] : []),
  ...(older ? [versionFault] : []),
];

/** Names of the faults that are left out, and why. */
export const leftOut = ({ fakeTime, older }: Means): string[] => [
  ...(fakeTime ? [] : [`${clockFault.name}: libfaketime is not installed`]),
  ...(older ? [] : [`${versionFault.name}: no --older COMMIT`]),
];
