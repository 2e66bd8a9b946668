import { randomUUID } from "node:crypto";
import { inProcessHotStore } from "../../src/embedded/in_process_hot_store.js";
import { describeHotStore } from "./hot_store.contract.js";

describeHotStore("in process", async ({ idleTimeoutMs, capacity }) => {
  const open = () => inProcessHotStore({ idleTimeoutMs, maxSessions: capacity });
  let store = open();
  return {
    get store() {
      return store;
    },
    /** Uses up all the room there is. */
    async evict() {
      const now = Date.now();
      const lease = { serverIds: await store.identify(), epochs: ["1"] };
      const strangers = Array.from({ length: capacity }, () => randomUUID());
      const end = { reason: "LOGOUT", at: now, by: "", revision: 1n } as const;
      const accessExpiresAt = now + 1000;
      await store.invalidate(
        strangers.map((id) => ({ sessionId: id, userId: "", end, accessExpiresAt })),
      );
      for (const id of strangers)
        await store.check({ sessionId: `${id}/live`, now, touchAt: 0 }, lease);
    },
    async reset() {
      await store.close();
      store = open();
    },
    close: () => store.close(),
  };
});
