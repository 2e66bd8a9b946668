import { describeLoginThrottle } from "./login_throttle.contract.js";
import { POSTGRES } from "./truth_postgres.js";

describeLoginThrottle(POSTGRES);
