import { POSTGRES } from "./primary_store_postgres.js";
import { describeReplicaRegistry } from "./replica_registry.contract.js";

describeReplicaRegistry(POSTGRES);
