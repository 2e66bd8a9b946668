import { describeKeyStore } from "./key_store.contract.js";
import { POSTGRES } from "./truth_postgres.js";

describeKeyStore(POSTGRES);
