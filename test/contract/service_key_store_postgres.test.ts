import { describeServiceKeyStore } from "./service_key_store.contract.js";
import { POSTGRES } from "./truth_postgres.js";

describeServiceKeyStore(POSTGRES);
