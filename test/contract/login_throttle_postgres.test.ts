import { describeLoginThrottle } from "./login_throttle.contract.js";
import { POSTGRES } from "./primary_store_postgres.js";

describeLoginThrottle(POSTGRES);
