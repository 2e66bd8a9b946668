import { POSTGRES } from "./truth_postgres.js";
import { describeUserIntake } from "./user_intake.contract.js";

describeUserIntake(POSTGRES);
