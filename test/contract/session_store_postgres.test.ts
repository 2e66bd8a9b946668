import { describeSessionStore } from "./session_store.contract.js";
import { POSTGRES } from "./truth_postgres.js";

describeSessionStore(POSTGRES);
