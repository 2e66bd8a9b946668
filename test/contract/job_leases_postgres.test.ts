import { describeJobLeases } from "./job_leases.contract.js";
import { POSTGRES } from "./truth_postgres.js";

describeJobLeases(POSTGRES);
