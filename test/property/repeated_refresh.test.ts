import { setTimeout as wait } from "node:timers/promises";
import { ChannelCredentials, Client, Metadata, status } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AuthServiceService } from "../../generated/curfew/v1/auth_service.js";
import { type CommitStall, type StallPoint, startCommitStall } from "../support/commit_stall.js";
import { createClient } from "../support/database_client.js";
import { startTestService, type TestService } from "../support/service.js";
import { createDatabase, type TestDatabase } from "../support/test_database.js";

/** A time after which a token that was answered is a thief's. */
const GRACE_MS = 300;
const RUNS = 12;

let database: TestDatabase;
let stall: CommitStall;
let service: TestService;
let client: Client;

beforeAll(async () => {
  database = await createDatabase();
  const { hostname, port } = new URL(database.url);
  stall = await startCommitStall({ host: hostname, port: Number(port) });
  service = await startTestService({
    DATABASE_URL: stall.urlFor(database.url),
    REFRESH_GRACE_SECONDS: String(GRACE_MS / 1000),
  });
  client = new Client(service.target, ChannelCredentials.createInsecure());
});
afterAll(async () => {
  stall.release();
  client.close();
  await service.stop();
  await stall.close();
  await database.drop();
});

/** What happens to one attempt of a client to refresh. */
type Trouble =
  | { readonly kind: "none" }
  | { readonly kind: "stall"; readonly point: StallPoint }
  | { readonly kind: "stall and cancel"; readonly point: StallPoint };

const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  fc.constant({ kind: "none" } as const),
  fc.record({
    kind: fc.constantFrom("stall" as const, "stall and cancel" as const),
    point: fc.constantFrom("work" as const, "commit" as const, "answer" as const),
  }),
);

interface Answer {
  readonly code: number;
  readonly refreshToken: string | undefined;
}

const refresh = (refreshToken: string) => {
  const { path, requestSerialize, responseDeserialize } = AuthServiceService.refreshTokens;
  let cancel = (): void => undefined;
  const answer = new Promise<Answer>((resolve) => {
    const sent = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { refreshToken, language: "", omitRoles: false },
      new Metadata(),
      { deadline: Date.now() + 20_000 },
      (error, response) =>
        resolve({ code: error?.code ?? status.OK, refreshToken: response?.refreshToken }),
    );
    cancel = () => sent.cancel();
  });
  return { answer, cancel: () => cancel() };
};

const attempt = async (refreshToken: string, how: Trouble): Promise<Answer> => {
  const begun = "point" in how ? stall.stallAt(how.point) : undefined;
  const { answer, cancel } = refresh(refreshToken);
  if (begun !== undefined) await Promise.race([begun, answer]);
  if (how.kind === "stall and cancel") cancel();
  const heard = await answer;
  stall.release();
  return heard;
};

test("O3 R2 a client that only repeats the last token it holds never loses its session", async () => {
  const property = fc.asyncProperty(
    fc.array(trouble, { minLength: 1, maxLength: 6 }),
    async (troubles) => {
      const { username } = await service.createUser();
      const login = await service.signIn(username);
      let held = login.refreshToken;
      for (const how of troubles) {
        const { code, refreshToken } = await attempt(held, how);
        expect([status.OK, status.UNAVAILABLE, status.CANCELLED]).toContain(code);
        if (refreshToken !== undefined) held = refreshToken;
        // Long enough for a token whose successor was sent to be refused.
        else await wait(GRACE_MS * 1.5);
      }
      let last = await attempt(held, { kind: "none" });
      while (last.code === status.UNAVAILABLE) last = await attempt(held, { kind: "none" });
      expect(last.code).toBe(status.OK);
    },
  );
  const result = await fc.check(property, { numRuns: RUNS });
  process.stdout.write(`repeated refreshes: seed ${result.seed}, ${result.numRuns} histories\n`);
  if (result.failed)
    throw new Error(fc.defaultReportMessage(result), { cause: result.errorInstance });
  const observer = createClient(database.url);
  await observer.connect();
  const { rows } = await observer.query(
    "SELECT 1 FROM audit_events WHERE type = 'REFRESH_REUSED' LIMIT 1",
  );
  await observer.end();
  expect(rows).toEqual([]);
}, 120_000);
