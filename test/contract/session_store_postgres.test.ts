import { POSTGRES } from "./primary_store_postgres.js";
import { describeSessionStore } from "./session_store.contract.js";

describeSessionStore(POSTGRES);
