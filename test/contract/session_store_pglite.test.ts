import { PGLITE } from "./primary_store_pglite.js";
import { describeSessionStore } from "./session_store.contract.js";

describeSessionStore(PGLITE);
