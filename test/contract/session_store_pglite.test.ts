import { describeSessionStore } from "./session_store.contract.js";
import { PGLITE } from "./truth_pglite.js";

describeSessionStore(PGLITE);
