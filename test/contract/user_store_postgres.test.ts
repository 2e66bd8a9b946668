import { POSTGRES } from "./truth_postgres.js";
import { describeUserStore } from "./user_store.contract.js";

describeUserStore(POSTGRES);
