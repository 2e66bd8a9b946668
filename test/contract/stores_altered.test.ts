import { describeAuditLog } from "./audit_log.contract.js";
import { describeEventOrder } from "./event_order.contract.js";
import { describeJobLeases } from "./job_leases.contract.js";
import { describeKeyStore } from "./key_store.contract.js";
import { describeLoginThrottle } from "./login_throttle.contract.js";
import { describeReplicaRegistry } from "./replica_registry.contract.js";
import { describeServiceKeyStore } from "./service_key_store.contract.js";
import { describeSessionStore } from "./session_store.contract.js";
import { ALTERED_POSTGRES } from "./truth_altered.js";
import { describeUserIntake } from "./user_intake.contract.js";
import { describeUserStore } from "./user_store.contract.js";

// Every statement of the stores, on tables with columns of all names that the statements use,
// and with defaults of the database that suit another program.
describeSessionStore(ALTERED_POSTGRES);
describeUserStore(ALTERED_POSTGRES);
describeUserIntake(ALTERED_POSTGRES);
describeKeyStore(ALTERED_POSTGRES);
describeServiceKeyStore(ALTERED_POSTGRES);
describeLoginThrottle(ALTERED_POSTGRES);
describeReplicaRegistry(ALTERED_POSTGRES);
describeAuditLog(ALTERED_POSTGRES);
describeEventOrder(ALTERED_POSTGRES);
describeJobLeases(ALTERED_POSTGRES);
