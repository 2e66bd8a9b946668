import { POSTGRES } from "./primary_store_postgres.js";
import { describeUserIntake } from "./user_intake.contract.js";

describeUserIntake(POSTGRES);
