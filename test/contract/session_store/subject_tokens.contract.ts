import { expect, test } from "vitest";
import type { SessionStore } from "../../../src/core/ports/session_store.js";
import { NOW, newId } from "../samples.js";
import type { SessionStores } from "./fixture.js";

const use = (store: SessionStore, fingerprint: string, sessionId = newId(), instead?: string) =>
  store.transaction((tx) =>
    tx.markTokenUsed({ fingerprint, sessionId, acceptedUntil: NOW }, instead),
  );
const sessionOf = (store: SessionStore, fingerprint: string) =>
  store.transaction((tx) => tx.sessionOfSubjectToken(fingerprint));

/** Subject tokens are used once (I2). */
export const describeSubjectTokens = (stores: () => SessionStores): void => {
  test("I2 a token is used once, and every replica knows for which session", async () => {
    const { one, two } = stores();
    const sessionId = newId();

    expect(await sessionOf(one, "token")).toBeUndefined();
    expect(await use(one, "token", sessionId)).toBe(true);
    expect(await use(two, "token")).toBe(false);
    expect(await sessionOf(two, "token")).toBe(sessionId);
    expect(await use(two, "Token")).toBe(true);
  });

  test("I2 of parallel uses of one token exactly one succeeds", async () => {
    const { one, two } = stores();
    const uses = await Promise.all(
      Array.from({ length: 12 }, (_, index) => use(index % 2 ? one : two, "token")),
    );

    expect(uses.filter((isFirst) => isFirst)).toHaveLength(1);
  });

  test("O3 a transaction that fails does not use the token up", async () => {
    const { one, two } = stores();
    const failed = one.transaction(async (tx) => {
      await tx.markTokenUsed(
        { fingerprint: "token", sessionId: newId(), acceptedUntil: NOW },
        undefined,
      );
      throw new Error("after the use");
    });

    await expect(failed).rejects.toThrow("after the use");
    expect(await use(two, "token")).toBe(true);
  });

  test("O3 a session that is replaced gives the token to exactly one other", async () => {
    const { one, two } = stores();
    const [first, second] = [newId(), newId()];
    await use(one, "token", first);

    expect(await use(one, "token", second, newId())).toBe(false);
    expect(await use(one, "token", second, first)).toBe(true);
    expect(await use(two, "token", newId(), first)).toBe(false);
    expect(await sessionOf(one, "token")).toBe(second);
  });

  test("uses are forgotten in batches once their token is not accepted any more", async () => {
    const { one } = stores();
    for (const fingerprint of ["a", "b", "c"]) await use(one, fingerprint);

    expect(await one.deleteTokenUses(NOW, 2)).toBe(0);
    expect(await one.deleteTokenUses(NOW + 1, 2)).toBe(2);
    expect(await one.deleteTokenUses(NOW + 1, 2)).toBe(1);
    expect(await use(one, "a")).toBe(true);
  });
};
