import { afterEach, describe, expect, test } from "vitest";
import { Access } from "../../../generated/curfew/options/v1/options.js";
import { fail } from "../../../src/core/errors.js";
import { readDescriptors } from "../../../src/rpc/descriptors.js";
import { closedRule, readRules } from "../../../src/rpc/rules.js";
import { waitUntil } from "../../support/wait_until.js";
import { sendRawCall } from "./raw_call.js";
import {
  asService,
  asUser,
  call,
  judge,
  metadataOf,
  refusalOf,
  type StubServer,
  startStubServer,
} from "./stub_server.js";

let stub: StubServer | undefined;
const start = async (...args: Parameters<typeof startStubServer>) => {
  stub = await startStubServer(...args);
  return stub;
};
afterEach(async () => {
  await stub?.close();
  stub = undefined;
});

const question = { accessToken: "token", audience: "", skipActivity: false };
const bearer = (token: string) => metadataOf({ authorization: `Bearer ${token}` });

describe("who may call (D4)", () => {
  test.each([
    ["nothing", {}, "CREDENTIALS_MISSING", 16],
    ["another scheme", { authorization: "Basic YTpi" }, "CREDENTIALS_MISSING", 16],
    ["an empty token", { authorization: "Bearer  " }, "CREDENTIALS_MISSING", 16],
    ["an unknown key", { authorization: "Bearer cfs_stolen" }, "ACCESS_TOKEN_INVALID", 16],
    ["a bad token", { authorization: "Bearer forged" }, "ACCESS_TOKEN_INVALID", 16],
    ["a user's token", { authorization: "Bearer ada" }, "PERMISSION_DENIED", 7],
  ])("a service method refuses %s, and tells of it (D7)", async (_what, headers, reason, code) => {
    const { client, denied, calls, activity } = await start();
    const auth = client();
    const pending = call(auth, "validateToken", question, metadataOf(headers));
    expect(await refusalOf(pending)).toMatchObject({ reason, code });
    expect(denied).toMatchObject([{ reason }]);
    expect(calls).toMatchObject([{ reason, code }]);
    expect(activity).toEqual([]);
  });

  test("a denial knows the caller whose credential was good for something else", async () => {
    const { client, denied } = await start();
    const auth = client();
    await refusalOf(call(auth, "validateToken", question, asUser));
    await refusalOf(call(auth, "getProfile", {}, asService));
    expect(denied).toEqual([
      { reason: "PERMISSION_DENIED", caller: "session" },
      { reason: "PERMISSION_DENIED", caller: "service" },
    ]);
  });

  test("a denial is answered also when telling of it fails", async () => {
    const { client } = await start(
      {},
      {
        onDenied: async () => {
          throw new Error("no database");
        },
      },
    );
    const warned = new Promise((resolve) => process.once("warning", resolve));
    const auth = client();
    expect(await refusalOf(call(auth, "getProfile", {}))).toMatchObject({
      reason: "CREDENTIALS_MISSING",
    });
    expect(await warned).toMatchObject({ message: "no database" });
  });

  test("a session method takes a token, with any case of the scheme, and counts as a use", async () => {
    const { client, activity } = await start();
    const auth = client();
    const { user } = await call(
      auth,
      "getProfile",
      {},
      metadataOf({ authorization: "bEARER ada" }),
    );
    expect(user?.userId).toBe("ada");
    expect(activity).toMatchObject([{ sessionId: "session-of-ada" }]);
  });

  test("A2: a call of the application's own, such as polling, is no use of the session", async () => {
    const { client, activity } = await start();
    const background = metadataOf({ authorization: "Bearer ada", "x-skip-activity": "true" });
    await call(client(), "getProfile", {}, background);
    expect(activity).toEqual([]);
    const other = metadataOf({ authorization: "Bearer ada", "x-skip-activity": "false" });
    await call(client(), "getProfile", {}, other);
    expect(activity).toHaveLength(1);
  });

  test("an outage is no denial: UNAVAILABLE, never UNAUTHENTICATED", async () => {
    const { client, denied } = await start();
    const auth = client();
    expect(await refusalOf(call(auth, "getProfile", {}, bearer("outage")))).toMatchObject({
      code: 14,
      reason: "DEPENDENCY_UNAVAILABLE",
      retry: { retryDelay: { seconds: 1n } },
    });
    expect(denied).toEqual([]);
  });

  test("a public method asks for nothing and judges nothing", async () => {
    const { client, denied } = await start();
    const auth = client();
    expect(await call(auth, "getJwks", {}, bearer("forged"))).toEqual({ keys: [] });
    expect(denied).toEqual([]);
  });

  test("a method for both takes both", async () => {
    const { client, activity } = await start();
    const auth = client();
    const request = { activities: [] };
    expect(await call(auth, "recordActivity", request, asUser)).toEqual({ recorded: 0 });
    expect(await call(auth, "recordActivity", request, asService)).toEqual({ recorded: 0 });
    expect(activity).toHaveLength(1);
  });

  test("a method without a rule is closed to everybody", async () => {
    const rules = readRules(readDescriptors());
    const closed = { ...rules, of: closedRule };
    const { client } = await start({}, { rules: closed });
    const auth = client();
    expect(await refusalOf(call(auth, "getJwks", {}))).toMatchObject({
      reason: "PERMISSION_DENIED",
    });
    expect(await refusalOf(call(auth, "getJwks", {}, bearer("cfs_ops")))).toMatchObject({
      code: 7,
    });
  });

  test.each([
    ["root", true],
    ["cfs_ops", true],
    ["ada", false],
    ["cfs_billing", false],
  ])("administration is open to %s: %s", async (token, open) => {
    const rules = readRules(readDescriptors());
    const admin = { ...rules, of: (path: string) => ({ ...rules.of(path), access: Access.ADMIN }) };
    const { client } = await start({}, { rules: admin });
    const auth = client();
    const pending = call(auth, "getJwks", {}, bearer(token));
    if (open) expect(await pending).toEqual({ keys: [] });
    else expect(await refusalOf(pending)).toMatchObject({ reason: "PERMISSION_DENIED" });
  });

  test("without service authentication, service methods are open and the others are not", async () => {
    const { client } = await start({}, { judge: { ...judge, serviceAuth: "none" } });
    const auth = client();
    expect((await call(auth, "validateToken", question)).userId).toBe("token");
    expect((await call(auth, "validateToken", question, bearer("forged"))).userId).toBe("token");
    expect(await refusalOf(call(auth, "getProfile", {}))).toMatchObject({
      reason: "CREDENTIALS_MISSING",
    });
    expect(
      await refusalOf(call(auth, "recordActivity", { activities: [] }, bearer("forged"))),
    ).toMatchObject({
      reason: "ACCESS_TOKEN_INVALID",
    });
  });

  test("a call whose credential takes time to judge is not handled before", async () => {
    let judged = false;
    const slow = {
      ...judge,
      authenticateServiceKey: async (key: string) => {
        await new Promise((resolve) => setImmediate(resolve));
        judged = true;
        return judge.authenticateServiceKey(key);
      },
    };
    const handledAfter: boolean[] = [];
    const validateToken = () => {
      handledAfter.push(judged);
      throw fail("NOT_FOUND");
    };
    const { client } = await start({ validateToken }, { judge: slow });
    const auth = client();
    await refusalOf(call(auth, "validateToken", question, asService));
    await refusalOf(call(auth, "validateToken", question, bearer("cfs_stolen")));
    expect(handledAfter).toEqual([true]);
  });
});

describe("two authorization headers (D4)", () => {
  const path = "/curfew.v1.AuthService/GetProfile";

  test.each([
    ["of one token", ["Bearer ada", "Bearer ada"]],
    ["the second of which nobody else would see", ["Bearer ada", "Bearer forged"]],
    ["the first of which is worthless", ["Basic YTpi", "Bearer ada"]],
  ])("%s are refused although Node hides the second", async (_which, values) => {
    const { port, calls, activity } = await start();
    const headers = values.map((value) => ["authorization", value] as const);
    await sendRawCall(port, path, headers);
    await waitUntil("the call is counted", () => calls.length > 0);
    expect(calls).toMatchObject([{ code: 3, reason: "INVALID_ARGUMENT" }]);
    expect(activity).toEqual([]);
  });

  test("are refused for public methods too, and one is fine", async () => {
    const { port, calls } = await start();
    await sendRawCall(port, "/curfew.v1.AuthService/GetJwks", [
      ["authorization", "Bearer a"],
      ["authorization", "Bearer b"],
    ]);
    await waitUntil("the call is counted", () => calls.length > 0);
    await sendRawCall(port, path, [["authorization", "Bearer ada"]]);
    await waitUntil("the call is counted", () => calls.length > 1);
    expect(calls).toMatchObject([{ code: 3 }, { code: 0 }]);
  });
});
