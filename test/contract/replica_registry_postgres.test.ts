import { describeReplicaRegistry } from "./replica_registry.contract.js";
import { POSTGRES } from "./truth_postgres.js";

describeReplicaRegistry(POSTGRES);
