import { describeKeyStore } from "./key_store.contract.js";
import { POSTGRES } from "./primary_store_postgres.js";

describeKeyStore(POSTGRES);
