import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ChannelCredentials, Client, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readDescriptors } from "../../../src/rpc/descriptors.js";
import { readRules } from "../../../src/rpc/rules.js";
import {
  type CommitStall,
  STALL_POINTS,
  type StallPoint,
  startCommitStall,
} from "../../support/commit_stall.js";
import {
  goodClaims,
  openProvider,
  type Provider,
  type ProviderKey,
  providerKey,
  signed,
} from "../../support/identity_provider.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { startTestService, type TestService } from "../../support/service.js";
import { createDatabase, type TestDatabase } from "../../support/test_database.js";
import { waitUntil } from "../../support/wait_until.js";
import { CHANGING, type ChangingCall, makeSubject, READING } from "./changing_calls.js";

let database: TestDatabase;
let stall: CommitStall;
let service: TestService;
let client: Client;
let provider: Provider;
let key: ProviderKey;
/** Reaches Postgres past the stall. */
let observer: pg.Client;

beforeAll(async () => {
  database = await createDatabase();
  const { hostname, port } = new URL(database.url);
  stall = await startCommitStall({ host: hostname, port: Number(port) });
  key = await providerKey();
  provider = await openProvider([key]);
  const issuers = join(makePrivateFolder("issuers"), "issuers.json");
  writeFileSync(
    issuers,
    JSON.stringify({ issuers: [{ issuer: provider.url, audiences: ["web"] }] }),
  );
  service = await startTestService({
    TRUSTED_ISSUERS_FILE: issuers,
    DATABASE_URL: stall.urlFor(database.url),
    // Changes come from calls alone.
    MAX_CONCURRENT_SESSIONS: "1000",
  });
  client = new Client(service.target, ChannelCredentials.createInsecure());
  observer = new pg.Client({ connectionString: database.url });
  await observer.connect();
});
afterAll(async () => {
  stall.release();
  client.close();
  await service.stop();
  await observer.end();
  await stall.close();
  await database.drop();
  await provider.close();
});

const signSubjectToken = () =>
  signed(key, goodClaims(provider.url, { sub: randomUUID(), jti: randomUUID() }, Date.now()));
/** A call of these makes a session, which is withdrawn later if the call is not answered. */
const SIGN_INS: readonly string[] = ["Login", "ExchangeToken", "CreateSession"];

/** The result that a caller receives: the code, and the reason if Curfew gave one. */
interface Heard {
  readonly code: number;
  readonly reason: string;
}

const start = ({ method, request, credential }: ChangingCall, deadlineMs = 20_000) => {
  const metadata = new Metadata();
  if (credential !== undefined) metadata.set("authorization", `Bearer ${credential}`);
  let cancel = (): void => undefined;
  const heard = new Promise<Heard>((resolve) => {
    const { path, requestSerialize, responseDeserialize } = method;
    const sent = client.makeUnaryRequest(
      path,
      requestSerialize as (value: object) => Buffer,
      responseDeserialize,
      request,
      metadata,
      { deadline: Date.now() + deadlineMs },
      (error: ServiceError | null) =>
        resolve({ code: error?.code ?? status.OK, reason: reasonOf(error) }),
    );
    cancel = () => sent.cancel();
  });
  return { heard, cancel: () => cancel() };
};

const reasonOf = (error: ServiceError | null): string => {
  const text = error?.metadata?.get("grpc-status-details-bin")[0]?.toString("latin1") ?? "";
  return (
    /ALREADY_EXISTS|NOT_FOUND|INVALID_CREDENTIALS|DEPENDENCY_UNAVAILABLE/.exec(text)?.[0] ?? ""
  );
};

/**
 * The state that calls change, without the pending invalidations of the hot store and the records of background work.
 */
const PRINT = `
  SELECT md5(string_agg(row, ',' ORDER BY row)) AS print FROM (
    SELECT u::text AS row FROM users u
    UNION ALL SELECT k::text FROM service_keys k
    UNION ALL SELECT i::text FROM identities i
    UNION ALL SELECT t::text FROM used_subject_tokens t
    UNION ALL SELECT r::text FROM session_requests r
    UNION ALL SELECT concat_ws('|', event_id, type, user_id, session_id, reason) FROM audit_events
      WHERE type NOT IN ('UNUSUAL_ACTIVITY', 'CALL_DENIED')
    UNION ALL SELECT concat_ws('|', session_id, revoked_at, end_reason, refresh_generation, jti,
      revision) FROM sessions
  ) AS rows`;
const print = async (): Promise<string> =>
  (await observer.query<{ print: string }>(PRINT)).rows[0]?.print ?? "";

/** Resolves when no transaction of the service is open, and calls are answered again. */
const untilQuiet = async (): Promise<void> => {
  const isQuiet = async () => {
    const { rows } = await observer.query(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
       AND application_name = 'curfew' AND state LIKE 'idle in transaction%'`,
    );
    return rows.length === 0;
  };
  await waitUntil("calls are answered again", async () => {
    const probe = start(CHANGING.CleanupSessions?.call({ service } as never) as ChangingCall);
    return (await probe.heard).code === status.OK && (await isQuiet());
  });
};

const cases = Object.entries(CHANGING);

test("O3 every RPC is known to change something or to read only", () => {
  const names = readRules(readDescriptors()).methods.map(({ path }) => path.split("/")[2] ?? "");
  expect(names.filter((name) => !READING.has(name)).sort()).toEqual(Object.keys(CHANGING).sort());
});

/** Makes the call in a stall at `point`, then lets everything go on that was held. */
const callInStall = async (call: ChangingCall, point: StallPoint): Promise<Heard> => {
  const begun = stall.stallAt(point);
  const { heard } = start(call);
  const answer = await Promise.race([heard, begun.then(() => heard)]);
  stall.release();
  await untilQuiet();
  return answer;
};

/** How many calls were caught by a stall of their own. */
let stalled = 0;

for (const point of STALL_POINTS) {
  test.each(cases)(
    `O3 %s in a stall at the ${point} of a transaction`,
    async (name, { call, repeated }) => {
      const subject = await makeSubject(service, signSubjectToken);
      await untilQuiet();
      const before = await print();
      const made = call(subject);
      const answer = await callInStall(made, point);
      const after = await print();
      // A stall of background work alone lets the call through.
      if (answer.code !== status.OK) {
        stalled += 1;
        expect(answer).toEqual({ code: status.UNAVAILABLE, reason: "DEPENDENCY_UNAVAILABLE" });
        if (point === "work") expect(after).toBe(before);
      }
      await untilQuiet();
      if (!SIGN_INS.includes(name)) expect(await print()).toBe(after);
      const again = await start(made).heard;
      if (again.code !== status.OK) expect(again.reason).toBe(repeated);
    },
  );
}

test("O3 the stalls hit the transactions of most calls", () => {
  expect(stalled).toBeGreaterThan((STALL_POINTS.length * cases.length) / 2);
});

test.each(cases)(
  "O3 %s whose caller cancels it while Postgres stalls changes nothing",
  async (_, { call }) => {
    const subject = await makeSubject(service, signSubjectToken);
    await untilQuiet();
    const before = await print();
    const begun = stall.stallAt("work");
    const { heard, cancel } = start(call(subject));
    await Promise.race([begun, heard]);
    cancel();
    const { code } = await heard;
    stall.release();
    await untilQuiet();
    if (code === status.CANCELLED) expect(await print()).toBe(before);
  },
);

test.each(cases)("O3 %s whose deadline has passed changes nothing", async (_, { call }) => {
  const subject = await makeSubject(service, signSubjectToken);
  await untilQuiet();
  const before = await print();
  const { heard } = start(call(subject), 1);
  const { code } = await heard;
  await untilQuiet();
  if (code === status.DEADLINE_EXCEEDED) expect(await print()).toBe(before);
});
