import { expect, test } from "vitest";
import { addSession, addUser, end, newId } from "../samples.js";
import type { SessionStores } from "./fixture.js";

/** The contract for the session status that validation reads. */
export const describeSessionStatuses = (stores: () => SessionStores): void => {
  test("one answer for each question, in their order, also for the same and for the unknown", async () => {
    const { one } = stores();
    const { id: userId, username } = await addUser(one, { roles: ["admin", "auditor"] });
    const [live, over] = [await addSession(one, { userId }), await addSession(one, { userId })];
    const ended = await end(one, over.id);
    const asked = [over.id, newId(), live.id, "nonsense", live.id, live.id.toUpperCase()];
    const answers = await one.sessionStatuses(asked);
    const sessionStatusOf = (session: typeof live | undefined) =>
      session && {
        session: {
          id: session.id,
          userId,
          lastActivityAt: session.lastActivityAt,
          expiresAt: session.expiresAt,
          accessExpiresAt: session.accessExpiresAt,
          end: session.end,
        },
        user: { username, roles: ["admin", "auditor"] },
        pendingInvalidation: false,
      };
    const [first, second] = [sessionStatusOf(ended), sessionStatusOf(live)];
    expect(answers).toEqual([first, undefined, second, undefined, second, undefined]);
    expect(await one.sessionStatuses([])).toEqual([]);
  });

  test("the user as they are now, and without a name once deleted", async () => {
    const { one, two } = stores();
    const { id: userId } = await addUser(one, { username: "Ada", roles: ["admin"] });
    const session = await addSession(one, { userId });
    const userOf = async () => (await two.sessionStatuses([session.id]))[0]?.user;
    await one.transaction((tx) => tx.updateUser(userId, { roles: [] }));
    expect(await userOf()).toEqual({ username: "Ada", roles: [] });
    await one.transaction((tx) => tx.deleteUser(userId));
    expect(await userOf()).toEqual({ username: "", roles: [] });
  });
};
