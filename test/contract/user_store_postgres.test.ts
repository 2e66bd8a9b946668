import { POSTGRES } from "./primary_store_postgres.js";
import { describeUserStore } from "./user_store.contract.js";

describeUserStore(POSTGRES);
