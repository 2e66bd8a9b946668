import { describeJobLeases } from "./job_leases.contract.js";
import { POSTGRES } from "./primary_store_postgres.js";

describeJobLeases(POSTGRES);
