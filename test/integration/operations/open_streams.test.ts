import { ChannelCredentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { SessionAdminClient } from "../../../generated/curfew/v1/session_admin.js";
import { UserAdminService } from "../../../generated/curfew/v1/user_admin.js";
import { localAdmin } from "../../../src/main.js";
import { startTestService, type TestService } from "../../support/service.js";
import { waitUntil } from "../../support/wait_until.js";

/** On the quiet machine of an operator it is 250 ms; a busy one is no fault. */
const SOON_MS = 2000;

let first: TestService;
let second: TestService;
beforeAll(async () => {
  first = await startTestService();
  second = await startTestService({ DATABASE_URL: first.databaseUrl, REDIS_URL: first.redisUrl });
});
afterAll(async () => {
  await second?.stop();
  await first?.stop();
});

/** A busy machine may answer UNAVAILABLE, after which it is safe to repeat. */
const persistently = async <T>(call: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (error) {
      if ((error as ServiceError).code !== status.UNAVAILABLE || tries === 10) throw error;
    }
  }
};

interface Opened {
  /** The reason that it ended for; undefined: it is open. */
  readonly end: () => { readonly code: number; readonly after: number } | undefined;
  close(): void;
}

const openAll = (credential: string): Opened[] =>
  [first, second].flatMap(({ target }) => {
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${credential}`);
    const client = new SessionAdminClient(target, ChannelCredentials.createInsecure());
    return [1, 2].map(() => {
      const stream = client.watchSessionEvents({ types: [], afterCursor: "" }, metadata);
      const openedAt = performance.now();
      let end: { code: number; after: number } | undefined;
      stream.on("data", () => undefined);
      stream.on("error", (error: ServiceError) => {
        end = { code: error.code, after: performance.now() - openedAt };
      });
      return {
        end: () => end,
        close: () => {
          stream.cancel();
          client.close();
        },
      };
    });
  });

/** All stay open, and all end soon after `act`, with this code. */
const expectToEnd = async (
  opened: readonly Opened[],
  code: number,
  act: () => Promise<unknown>,
): Promise<void> => {
  try {
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(opened.map(({ end }) => end())).toEqual(opened.map(() => undefined));
    await act();
    const over = () => opened.every(({ end }) => end() !== undefined);
    await waitUntil("all streams have ended", over, SOON_MS);
    const codes = new Set(opened.map(({ end }) => end()?.code));
    // A busy machine may have cut off one before.
    codes.delete(status.UNAVAILABLE);
    expect([...codes]).toEqual([code]);
  } finally {
    for (const one of opened) one.close();
  }
};

describe("open streams, on every replica,", () => {
  const admin = async () => {
    const user = await first.createUser(["admin"]);
    return { user, token: (await first.signIn(user.username)).accessToken };
  };
  const update = (userId: string, mask: string, values: { roles?: string[] }) =>
    persistently(() => {
      const same = { userId, username: "", displayName: "", createdAt: undefined, identities: [] };
      const user = { ...same, roles: [], isActive: false, ...values };
      return first.call(UserAdminService.updateUser, { user, updateMask: [mask] }, first.adminKey);
    });
  const logout = (replica: TestService, accessToken: string) =>
    persistently(() => replica.call(AuthServiceService.logout, { accessToken, language: "" }));

  test("L1 end with a logout", async () => {
    const { token } = await admin();
    await expectToEnd(openAll(token), 16, () => logout(second, token));
  });

  test("L5 end with the deactivation of their user", async () => {
    const { user, token } = await admin();
    await expectToEnd(openAll(token), 16, () => update(user.userId, "is_active", {}));
  });

  test("D4 end when their user is no administrator any more", async () => {
    const { user, token } = await admin();
    await expectToEnd(openAll(token), 7, () => update(user.userId, "roles", { roles: [] }));
  });

  test("D4 end with their service key", async () => {
    const name = `watcher-${Date.now()}`;
    const key = await localAdmin.createServiceKey(first.settings, { name, scopes: ["admin"] });
    await expectToEnd(openAll(key.text), 16, () =>
      localAdmin.revokeServiceKey(first.settings, key.key.id),
    );
  });

  test("of others stay open", async () => {
    const [one, other] = [await admin(), await admin()];
    const kept = openAll(other.token);
    await expectToEnd(openAll(one.token), 16, () => logout(first, one.token));
    expect(kept.map(({ end }) => end())).toEqual(kept.map(() => undefined));
    for (const stream of kept) stream.close();
  });
});
