import { describeEventOrder } from "./event_order.contract.js";
import { POSTGRES } from "./truth_postgres.js";

describeEventOrder(POSTGRES);
