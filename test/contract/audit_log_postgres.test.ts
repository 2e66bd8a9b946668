import { describeAuditLog } from "./audit_log.contract.js";
import { POSTGRES } from "./primary_store_postgres.js";

describeAuditLog(POSTGRES);
