import { readdirSync, readFileSync } from "node:fs";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { SessionAdminService } from "../../../generated/curfew/v1/session_admin.js";
import { UserAdminService } from "../../../generated/curfew/v1/user_admin.js";
import { alterTables } from "../../contract/truth_altered.js";
import { startTestService, type TestService } from "../../support/service.js";

const lines: string[] = [];
let service: TestService;
beforeAll(async () => {
  service = await startTestService({}, (line) => lines.push(line));
});
afterAll(() => service.stop());

/** Every kind of statement on the way of a session's life. */
const live = async (username: string): Promise<void> => {
  const [first, second] = [await service.signIn(username), await service.signIn(username)];
  const { accessToken, refreshToken } = first;
  const refreshed = await service.call(AuthServiceService.refreshTokens, {
    refreshToken,
    language: "",
  });
  const question = { accessToken: refreshed.accessToken, audience: "", skipActivity: false };
  await service.call(AuthServiceService.validateToken, question, service.adminKey);
  await service.call(AuthServiceService.logout, { accessToken, language: "" });
  const sessionId = second.session?.sessionId ?? "";
  const revocation = { sessionId, note: "a note" };
  await service.call(SessionAdminService.revokeSession, revocation, service.adminKey);
  const page = { pageSize: 10, pageToken: "" };
  await service.call(UserAdminService.listUsers, page, service.adminKey);
  await service.call(
    SessionAdminService.listSessions,
    { ...page, filter: undefined, order: 0 },
    service.adminKey,
  );
  await service.call(SessionAdminService.getSessionStats, { windowMinutes: 5 }, service.adminKey);
};

const noDefects = () =>
  expect(lines.filter((line) => /"level":(50|60)|INTERNAL/.test(line))).toEqual([]);

describe("a schema that others change under a running service", () => {
  test("columns of any name and wider types break no call, on connections that know the old ones", async () => {
    const { username } = await service.createUser();
    for (let round = 0; round < 3; round++) await live(username);
    await service.query("ALTER TABLE sessions ADD COLUMN note text, ADD COLUMN event_ip text");
    await live(username);
    await service.query("ALTER TABLE users ALTER COLUMN display_name TYPE varchar(4000)");
    await Promise.all([live(username), live(username)]);
    await service.query("ALTER TABLE users ALTER COLUMN display_name TYPE text");
    await service.query(
      "ALTER TABLE sessions ALTER COLUMN device TYPE varchar, ALTER COLUMN refresh_generation TYPE bigint",
    );
    await live(username);
    noDefects();
  });

  test("prepared statements that something has dropped are prepared again", async () => {
    const { username } = await service.createUser();
    await live(username);
    // Simulates a pooler that lends the connection to another client meanwhile.
    await service.query(
      `CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN NULL; END $$`,
    );
    await service.query(
      "CREATE TRIGGER forget AFTER INSERT ON audit_events EXECUTE FUNCTION forget()",
    );
    await service.signIn(username).catch(() => undefined);
    await service.query("DROP TRIGGER forget ON audit_events");
    await live(username);
  });

  test("columns of every name that a statement uses, in every table", async () => {
    const { username } = await service.createUser();
    await live(username);
    await alterTables(service.databaseUrl);
    await live(username);
    noDefects();
    await expect(
      service.call(AuthServiceService.logout, { accessToken: "x", language: "" }),
    ).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  });
});

describe("the text of our statements", () => {
  const folder = new URL("../../../src/postgres/", import.meta.url);
  const files = readdirSync(folder).filter((file) => file.endsWith(".ts"));
  const code = (file: string): string =>
    readFileSync(new URL(file, folder), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");

  test.each(files)(
    "%s names the columns that it reads, and no other names could be meant",
    (file) => {
      const text = code(file);
      expect(text).not.toMatch(
        /SELECT\s+\*|RETURNING\s+\*|\w\.\*|,\s*\*\s|\.(select|returning|first)\(\s*("\*"|\))/,
      );
      expect(text).not.toMatch(/\bUSING\s*\(/);
      expect(text).not.toMatch(/INSERT INTO \w+\s+(AS \w+\s+)?VALUES/);
      // Two relations in one FROM: each column says whose it is.
      for (const [, list] of text.matchAll(/SELECT\s+([^()`]*?)\s+FROM\s+\w+[^`;]*?\bJOIN\b/g))
        for (const column of (list ?? "").split(",").map((part) => part.trim()))
          expect(column, `${file}: ${column}`).toMatch(/^\$|\.|^(DISTINCT|CASE|1)\b/);
    },
  );
});
