import { describe } from "vitest";
import type { Engine } from "./primary_store.js";
import { describeActivity } from "./session_store/activity.contract.js";
import { describeAnswers } from "./session_store/answers.contract.js";
import { describeInvalidation } from "./session_store/burial.contract.js";
import { describeCallers } from "./session_store/callers.contract.js";
import { sessionStores } from "./session_store/fixture.js";
import { describeListing } from "./session_store/listing.contract.js";
import { describeParallelWork } from "./session_store/parallel.contract.js";
import { describeRevocations } from "./session_store/revocations.contract.js";
import { describeRotations } from "./session_store/rotation.contract.js";
import { describeSessionStatuses } from "./session_store/session_status.contract.js";
import { describeSubjectTokens } from "./session_store/subject_tokens.contract.js";
import { describeSweeping } from "./session_store/sweeping.contract.js";
import { describeTransactions } from "./session_store/transactions.contract.js";
import { useDatabases } from "./use_databases.js";

/** What every store of sessions must do, whichever replicas write at the same time. */
export const describeSessionStore = (engine: Engine): void => {
  describe(`session store on ${engine.name}`, () => {
    const databases = useDatabases(engine);
    const stores = () => sessionStores(databases(), engine.parallelTransactions);
    describe("transactions", () => describeTransactions(stores));
    describe("callers that go away", () => describeCallers(stores));
    describe("revocations", () => describeRevocations(stores));
    describe("activity", () => describeActivity(stores));
    describe("answers", () => describeAnswers(stores));
    describe("rotations", () => describeRotations(stores));
    describe("invalidation", () => describeInvalidation(stores));
    describe("sessionStatuses", () => describeSessionStatuses(stores));
    describe("listing", () => describeListing(stores));
    describe("subject tokens", () => describeSubjectTokens(stores));
    describe("sweeping", () => describeSweeping(stores));
    describe("everything at once", () => describeParallelWork(stores));
  });
};
