import { afterAll, beforeAll } from "vitest";
import { describeAuditLog } from "./audit_log.contract.js";
import { describeEventOrder } from "./event_order.contract.js";
import { describeJobLeases } from "./job_leases.contract.js";
import { describeKeyStore } from "./key_store.contract.js";
import { describeLoginThrottle } from "./login_throttle.contract.js";
import type { PrimaryStore } from "./primary_store.js";
import { PGLITE } from "./primary_store_pglite.js";
import { describeReplicaRegistry } from "./replica_registry.contract.js";
import { describeServiceKeyStore } from "./service_key_store.contract.js";
import { describeUserIntake } from "./user_intake.contract.js";
import { describeUserStore } from "./user_store.contract.js";

// One PGlite for all of them: starting it takes longer than any of the suites.
let shared: PrimaryStore | undefined;
beforeAll(async () => {
  shared = await PGLITE.open();
});
afterAll(() => shared?.close());

const sharing = {
  ...PGLITE,
  async open(): Promise<PrimaryStore> {
    if (shared === undefined) throw new Error("PGlite is opened in beforeAll.");
    return { ...shared, close: async () => undefined };
  },
};

describeUserStore(sharing);
describeUserIntake(sharing);
describeKeyStore(sharing);
describeServiceKeyStore(sharing);
describeLoginThrottle(sharing);
describeReplicaRegistry(sharing);
describeAuditLog(sharing);
describeEventOrder(sharing);
describeJobLeases(sharing);
