import { describeAuditLog } from "./audit_log.contract.js";
import { POSTGRES } from "./truth_postgres.js";

describeAuditLog(POSTGRES);
