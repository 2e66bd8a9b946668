import { expect, test } from "vitest";
import type { CallLimits } from "../../../src/core/call.js";
import type { SessionTransaction } from "../../../src/core/ports/session_store.js";
import { outcomeOf } from "../../support/core_replica.js";
import { addUser } from "../samples.js";
import type { SessionStores } from "./fixture.js";

const NEW_NAME = { displayName: "Countess" };

/** A caller that goes away when the test says so. */
const caller = (): CallLimits & { leave(): void } => {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    deadlineAt: Number.POSITIVE_INFINITY,
    leave: () => controller.abort(),
  };
};

/** Transactions of callers that go away (O3). */
export const describeCallers = (stores: () => SessionStores): void => {
  const nameOf = async (userId: string) =>
    (await stores().two.transaction((tx) => tx.readUser(userId)))?.displayName;

  test("O3 work whose caller has gone is not begun", async () => {
    const call = caller();
    call.leave();
    let isBegun = false;
    const work = async () => {
      isBegun = true;
    };
    expect(await outcomeOf(stores().one.transaction(work, call))).toBe("DEADLINE_EXCEEDED");
    expect(isBegun).toBe(false);
  });

  test("O3 work whose caller goes away is not committed", async () => {
    const { one } = stores();
    const { id, displayName } = await addUser(one);
    const call = caller();
    const work = async (tx: SessionTransaction) => {
      await tx.updateUser(id, NEW_NAME);
      call.leave();
    };
    expect(await outcomeOf(one.transaction(work, call))).toBe("DEADLINE_EXCEEDED");
    expect(await nameOf(id)).toBe(displayName);
  });

  const statements: Record<string, (tx: SessionTransaction, id: string) => Promise<unknown>> = {
    "a prepared one": (tx, id) => tx.readUser(id),
    "a built one": (tx, id) => tx.updateUser(id, NEW_NAME),
  };
  test.each(Object.entries(statements))(
    "O3 no statement is sent for a caller that has gone: %s",
    async (_, statement) => {
      const { one } = stores();
      const { id } = await addUser(one);
      const call = caller();
      let isSent = false;
      const work = async (tx: SessionTransaction) => {
        call.leave();
        await statement(tx, id);
        isSent = true;
      };
      expect(await outcomeOf(one.transaction(work, call))).toBe("DEADLINE_EXCEEDED");
      expect(isSent).toBe(false);
    },
  );

  test("what was committed for a caller stays, also when the caller goes away after it", async () => {
    const { one } = stores();
    const { id } = await addUser(one);
    const call = caller();
    await one.transaction((tx) => tx.updateUser(id, NEW_NAME), call);
    call.leave();
    expect(await nameOf(id)).toBe("Countess");
  });
};
