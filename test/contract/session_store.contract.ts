import { describe } from "vitest";
import { describeActivity } from "./session_store/activity.contract.js";
import { describeAnswers } from "./session_store/answers.contract.js";
import { describeBurial } from "./session_store/burial.contract.js";
import { describeCallers } from "./session_store/callers.contract.js";
import { describeEndings } from "./session_store/endings.contract.js";
import { sessionStores } from "./session_store/fixture.js";
import { describeListing } from "./session_store/listing.contract.js";
import { describeParallelWork } from "./session_store/parallel.contract.js";
import { describeStandings } from "./session_store/standing.contract.js";
import { describeSweeping } from "./session_store/sweeping.contract.js";
import { describeTransactions } from "./session_store/transactions.contract.js";
import type { Engine } from "./truth.js";
import { useDatabases } from "./use_databases.js";

/** What every store of sessions must do, whichever replicas write at the same time. */
export const describeSessionStore = (engine: Engine): void => {
  describe(`session store on ${engine.name}`, () => {
    const databases = useDatabases(engine);
    const stores = () => sessionStores(databases(), engine.parallelTransactions);
    describe("transactions", () => describeTransactions(stores));
    describe("callers that go away", () => describeCallers(stores));
    describe("endings", () => describeEndings(stores));
    describe("activity", () => describeActivity(stores));
    describe("answers", () => describeAnswers(stores));
    describe("burial", () => describeBurial(stores));
    describe("standings", () => describeStandings(stores));
    describe("listing", () => describeListing(stores));
    describe("sweeping", () => describeSweeping(stores));
    describe("everything at once", () => describeParallelWork(stores));
  });
};
