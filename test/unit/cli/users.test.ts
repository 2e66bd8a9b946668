import { credentials, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  AuthServiceClient,
  type AuthServiceServer,
  LoginResponse,
  RefreshTokensResponse,
} from "../../../generated/curfew/v1/auth_service.js";
import type { UserAdminServer } from "../../../generated/curfew/v1/user_admin.js";
import { signIn } from "../../../src/cli/rpc/credential.js";
import { ANN, BOB } from "./fixtures.js";
import { type Invocation, run } from "./recording_terminal.js";
import { answering, Refused, type StubServer, startStubServer } from "./stub_server.js";

/** What reached the server, in order. */
let calls: { method: string; authorization: unknown; request: unknown }[];
let server: StubServer;

const seen =
  <Request, Response>(method: string, answer: (request: Request) => Response) =>
  ({ request, metadata }: { request: Request; metadata: { get(name: string): unknown[] } }) => {
    calls.push({ method, authorization: metadata.get("authorization")[0], request });
    return answer(request);
  };

const users: Partial<UserAdminServer> = {
  createUser: answering(
    seen("createUser", ({ username, password }) => {
      if (password.length < 15) {
        throw new Refused({
          code: status.INVALID_ARGUMENT,
          reason: "INVALID_ARGUMENT",
          violations: [{ field: "password", description: "must have at least 15 characters" }],
        });
      }
      if (username === "ann") {
        throw new Refused({
          code: status.ALREADY_EXISTS,
          reason: "ALREADY_EXISTS",
          message: "That name is taken",
        });
      }
      return { user: { ...BOB, username } };
    }),
  ),
  listUsers: answering(
    seen("listUsers", ({ pageToken }) =>
      pageToken === "" ? { users: [ANN], nextPageToken: "2" } : { users: [BOB], nextPageToken: "" },
    ),
  ),
  setPassword: answering(seen("setPassword", () => ({ revision: 7n }))),
  updateUser: answering(seen("updateUser", ({ user }) => ({ user }))),
  deleteUser: answering(seen("deleteUser", () => ({ revision: 8n }))),
  unlockUser: answering(seen("unlockUser", () => ({}))),
};

const auth: Partial<AuthServiceServer> = {
  login: answering(
    seen("login", ({ password }) => {
      if (password !== "right") {
        throw new Refused({
          code: status.UNAUTHENTICATED,
          reason: "INVALID_CREDENTIALS",
          message: "The username or the password is wrong",
        });
      }
      return LoginResponse.fromPartial({ accessToken: "a1", refreshToken: "r1", expiresIn: 900 });
    }),
  ),
  logout: answering(seen("logout", () => ({ message: "", revision: 1n }))),
  refreshTokens: answering(
    seen("refreshTokens", () =>
      RefreshTokensResponse.fromPartial({ accessToken: "a2", refreshToken: "r2", expiresIn: 900 }),
    ),
  ),
};

beforeEach(async () => {
  calls = [];
  server = await startStubServer({ auth, users });
});
afterEach(() => server.close());

const curfew = (words: string, invocation: Invocation = {}) =>
  run([...words.split(" "), "--target", server.target], {
    ...invocation,
    environment: { CURFEW_TOKEN: "cfs_key", ...invocation.environment },
  });

describe("users create", () => {
  test("reads the password from standard input and sends everything", async () => {
    const outcome = await curfew(
      "users create carl --display-name Carl --role a --role b --password-stdin",
      { piped: "correct horse battery\n" },
    );
    expect(outcome.errors).toBe("");
    expect(outcome).toMatchObject({ exitCode: 0, output: `Created carl (${BOB.userId}).\n` });
    expect(calls).toEqual([
      {
        method: "createUser",
        authorization: "Bearer cfs_key",
        request: {
          username: "carl",
          password: "correct horse battery",
          displayName: "Carl",
          roles: ["a", "b"],
        },
      },
    ]);
  });

  test("asks twice on a terminal and shows nothing of it", async () => {
    const outcome = await curfew("users create carl", {
      typed: "correct horsex\u007f batteri\u007fy\rcorrect horse battery\r",
    });
    expect(outcome.exitCode).toBe(0);
    expect(calls[0]?.request).toMatchObject({ password: "correct horse battery" });
    expect(outcome.errors).toBe("New password of carl: \nOnce more: \n");
    expect(outcome.rawModes).toEqual([true, false, true, false]);
  });

  test("two passwords that differ change nothing", async () => {
    const outcome = await curfew("users create carl", { typed: "one password\rother password\r" });
    expect(outcome.exitCode).toBe(1);
    expect(outcome.errors).toContain("curfew: The two passwords differ: nothing was done.\n");
    expect(calls).toEqual([]);
  });

  test("Ctrl-C at the question changes nothing and restores the terminal", async () => {
    const outcome = await curfew("users create carl", { typed: "secr\u0003" });
    expect(outcome).toMatchObject({ exitCode: 1, rawModes: [true, false] });
    expect(outcome.errors).toContain("curfew: Interrupted: nothing was done.\n");
    expect(calls).toEqual([]);
  });

  test("without a terminal and --password-stdin it says what to add", async () => {
    const outcome = await curfew("users create carl", { piped: "x" });
    expect(outcome.exitCode).toBe(2);
    expect(outcome.errors).toMatch(
      /^curfew: There is no terminal to ask on.*--password-stdin\.\n$/,
    );
  });

  test("an empty standard input is refused", async () => {
    const outcome = await curfew("users create carl --password-stdin", { piped: "" });
    expect(outcome.exitCode).toBe(2);
    expect(outcome.errors).toContain("one password a line");
    expect(calls).toEqual([]);
  });

  test("a refusal by field names the field", async () => {
    const outcome = await curfew("users create carl --password-stdin", { piped: "short" });
    expect(outcome).toMatchObject({
      exitCode: 1,
      output: "",
      errors: "curfew: password: must have at least 15 characters\n",
    });
  });

  test("a name that is taken says so", async () => {
    const outcome = await curfew("users create ann --password-stdin", { piped: "a".repeat(15) });
    expect(outcome).toMatchObject({ exitCode: 1, errors: "curfew: That name is taken\n" });
  });

  test("--direct goes to the database, not to the server", async () => {
    const created: unknown[] = [];
    const outcome = await curfew(
      "users create root --role admin --direct --password-stdin --json",
      {
        piped: "a".repeat(15),
        localAdmin: {
          createUser: async (settings, user) => {
            created.push([settings.embedded, user]);
            const { username, displayName, roles } = user;
            return {
              id: "u1",
              username,
              displayName,
              roles,
              isActive: true,
              createdAt: +new Date(0),
            };
          },
        },
      },
    );
    expect(created).toEqual([
      [true, { username: "root", password: "a".repeat(15), displayName: "", roles: ["admin"] }],
    ]);
    expect(JSON.parse(outcome.output)).toEqual({
      user_id: "u1",
      username: "root",
      display_name: "",
      roles: ["admin"],
      is_active: true,
      created_at: "1970-01-01T00:00:00.000Z",
    });
    expect(calls).toEqual([]);
  });
});

describe("users list", () => {
  test("reads all pages into one aligned table", async () => {
    const { output } = await curfew("users list");
    const lines = output.trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(
      /^USER {2,}USERNAME {2,}DISPLAY NAME {2,}ROLES {2,}ACTIVE {2,}CREATED$/,
    );
    const column = lines[0]?.indexOf("USERNAME") ?? -1;
    expect(lines.slice(1).map((line) => line.slice(column, column + 3))).toEqual(["Ann", "bob"]);
  });

  test("--json is one array, before or after the command", async () => {
    const after = await curfew("users list --json");
    const before = await curfew("--json users list");
    expect(JSON.parse(after.output)).toEqual(JSON.parse(before.output));
    expect(JSON.parse(after.output)).toMatchObject([
      { user_id: ANN.userId, username: "Ann", created_at: "2026-05-01T10:00:00.000Z" },
      { user_id: BOB.userId },
    ]);
  });

  test("--limit says when there are more", async () => {
    const { output } = await curfew("users list --limit 1");
    expect(output).toContain("Ann");
    expect(output).not.toContain("bob");
    expect(output).toContain("There are more: raise --limit.");
  });
});

describe("changes to a user", () => {
  test("a user is found by name without regard to case", async () => {
    const outcome = await curfew("users set-password BOB --password-stdin --json", {
      piped: "a new long password",
    });
    expect(JSON.parse(outcome.output)).toEqual({ user_id: BOB.userId, revision: 7 });
    expect(calls.at(-1)).toMatchObject({
      method: "setPassword",
      request: { userId: BOB.userId, password: "a new long password" },
    });
  });

  test("an id is used as it is", async () => {
    await curfew(`users unlock ${BOB.userId}`);
    expect(calls.map(({ method }) => method)).toEqual(["unlockUser"]);
  });

  test.each([
    ["deactivate", false],
    ["activate", true],
  ])("%s changes is_active alone", async (command, isActive) => {
    const outcome = await curfew(`users ${command} ${ANN.userId}`);
    expect(outcome.exitCode).toBe(0);
    expect(calls.at(-1)?.request).toMatchObject({
      user: { userId: ANN.userId, isActive },
      updateMask: ["is_active"],
    });
  });

  test("an unknown name is a failure before anything is done", async () => {
    const outcome = await curfew("users deactivate nobody");
    expect(outcome.exitCode).toBe(1);
    expect(outcome.errors).toBe("curfew: There is no user nobody: see `curfew users list`.\n");
    expect(calls.map(({ method }) => method)).toEqual(["listUsers", "listUsers"]);
  });
});

describe("--username", () => {
  test("signs in, calls as that user, and logs out", async () => {
    const outcome = await curfew(`users unlock ${ANN.userId} --username root --password-stdin`, {
      piped: "right\n",
    });
    expect(outcome).toMatchObject({ exitCode: 0, errors: "" });
    expect(calls).toMatchObject([
      { method: "login", authorization: undefined, request: { username: "root" } },
      { method: "unlockUser", authorization: "Bearer a1" },
      { method: "logout", authorization: undefined, request: { accessToken: "a1" } },
    ]);
  });

  test("with --password-stdin the first line signs in and the second is the new password", async () => {
    const outcome = await curfew(
      `users set-password ${ANN.userId} --username root --password-stdin`,
      { piped: "right\r\nthe new password\r\n" },
    );
    expect(outcome.errors).toBe("");
    expect(calls.map(({ method }) => method)).toEqual(["login", "setPassword", "logout"]);
    expect(calls[1]?.request).toMatchObject({ password: "the new password" });
  });

  test("a wrong password says so and does nothing", async () => {
    const outcome = await curfew(`users unlock ${ANN.userId} --username root`, {
      typed: "wrong\r",
    });
    expect(outcome.exitCode).toBe(1);
    expect(outcome.errors).toContain("curfew: The username or the password is wrong\n");
    expect(calls.map(({ method }) => method)).toEqual(["login"]);
  });

  test("does not go with --token", async () => {
    const outcome = await curfew("users list --username root --token x");
    expect(outcome).toMatchObject({ exitCode: 2, output: "" });
    expect(calls).toEqual([]);
  });

  test("an access token that runs out is refreshed", async () => {
    let now = 0;
    const client = new AuthServiceClient(server.target, credentials.createInsecure());
    const caller = await signIn(
      client,
      { username: "root", password: "right" },
      { target: server.target, timeoutMs: 5_000, now: () => now },
    );
    const bearer = async () => (await caller.metadata()).get("authorization")[0];
    expect(await bearer()).toBe("Bearer a1");
    now = 869_000;
    expect(await bearer()).toBe("Bearer a1");
    now = 870_000;
    expect(await bearer()).toBe("Bearer a2");
    expect(calls.at(-1)).toMatchObject({
      method: "refreshTokens",
      request: { refreshToken: "r1" },
    });
    client.close();
  });
});

describe("users delete", () => {
  const words = ["users", "delete", "bob", "--token", "t"];

  test("asks first, and tells the revision", async () => {
    const refused = await run([...words, "--target", server.target], { typed: "n\n" });
    expect(refused).toMatchObject({
      exitCode: 1,
      errors: expect.stringMatching(/Nothing was done/),
    });
    expect(calls.map(({ method }) => method)).not.toContain("deleteUser");
    const done = await run([...words, "--yes", "--json", "--target", server.target], { piped: "" });
    expect(JSON.parse(done.output)).toEqual({ user_id: BOB.userId, deleted: true, revision: 8 });
    expect(calls.at(-1)).toMatchObject({ method: "deleteUser", request: { userId: BOB.userId } });
  });

  test("without a terminal to ask on it takes --yes", async () => {
    const outcome = await run([...words, "--target", server.target], { piped: "" });
    expect(outcome).toMatchObject({ exitCode: 2, errors: expect.stringMatching(/add --yes/) });
  });
});

describe("users update", () => {
  const update = (...options: string[]) =>
    run(["users", "update", "bob", ...options, "--token", "t", "--target", server.target], {
      piped: "",
    });

  test.each<[readonly string[], readonly string[], object]>([
    [["--display-name", "Bob B."], ["display_name"], { displayName: "Bob B.", roles: [] }],
    [["--role", "a", "--role", "b"], ["roles"], { roles: ["a", "b"] }],
    [["--no-roles"], ["roles"], { roles: [] }],
    [["--display-name", "", "--role", "a"], ["display_name", "roles"], { displayName: "" }],
  ])("%j changes %j and nothing else", async (options, updateMask, user) => {
    expect(await update(...options)).toMatchObject({ exitCode: 0, errors: "" });
    expect(calls.at(-1)).toMatchObject({
      method: "updateUser",
      request: { updateMask, user: { userId: BOB.userId, ...user } },
    });
  });

  test.each([
    [[], /Say what to change/],
    [["--role", "a", "--no-roles"], /give one/],
  ])("%j is a wrong call", async (options, sentence) => {
    const outcome = await update(...options);
    expect(outcome).toMatchObject({ exitCode: 2, errors: expect.stringMatching(sentence) });
    expect(calls).toEqual([]);
  });
});
