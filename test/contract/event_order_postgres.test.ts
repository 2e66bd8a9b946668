import { describeEventOrder } from "./event_order.contract.js";
import { POSTGRES } from "./primary_store_postgres.js";

describeEventOrder(POSTGRES);
