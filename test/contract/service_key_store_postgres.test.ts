import { POSTGRES } from "./primary_store_postgres.js";
import { describeServiceKeyStore } from "./service_key_store.contract.js";

describeServiceKeyStore(POSTGRES);
