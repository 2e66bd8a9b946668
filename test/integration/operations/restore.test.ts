import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { ChannelCredentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  AuthServiceClient,
  AuthServiceService,
  type LoginResponse,
  type WatchRevocationsResponse,
} from "../../../generated/curfew/v1/auth_service.js";
import { SessionAdminService } from "../../../generated/curfew/v1/session_admin.js";
import { loadSettings } from "../../../src/config/load_settings.js";
import { localAdmin } from "../../../src/main.js";
import { findExecutable, searchPath } from "../../support/executable.js";
import { type PostgresServer, startPostgres } from "../../support/postgres.js";
import { findPostgresPrograms } from "../../support/postgres_programs.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { type RedisServer, startRedis } from "../../support/redis.js";
import { waitUntil } from "../../support/wait_until.js";
import { createUser, openSite, type ServedReplica, type Site } from "./site.js";

const run = promisify(execFile);
const KEYS = { KEY_ENCRYPTION_KEY: randomBytes(32).toString("base64") };

/** The programs that the run-book calls, of the version of the tests' server. */
const postgresProgram = (name: string): string => {
  const program = findExecutable([name], [dirname(findPostgresPrograms().initdb), ...searchPath()]);
  if (program === undefined) throw new Error(`${name} is missing: install PostgreSQL's client`);
  return program;
};

let site: Site;
let newPostgres: PostgresServer;
let newRedis: RedisServer;
beforeAll(async () => {
  [site, newPostgres, newRedis] = await Promise.all([
    openSite(KEYS),
    startPostgres(),
    startRedis(),
  ]);
}, 120_000);
afterAll(async () => {
  await site?.stop();
  await newPostgres?.stop();
  await newRedis?.stop();
});

const logout = (replica: ServedReplica, { accessToken }: LoginResponse) =>
  replica.call(AuthServiceService.logout, { accessToken, language: "" });

const idOf = ({ session }: LoginResponse): string => session?.sessionId ?? "";

/**
 * Returns the sessions whose revocations a watcher receives that has seen the order up to a revision, until all have
 * arrived.
 */
const endedAfter = async (
  { target }: ServedReplica,
  afterRevision: bigint,
  wanted: readonly string[],
): Promise<string[]> => {
  const client = new AuthServiceClient(target, ChannelCredentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${site.adminKey}`);
  const watch = client.watchRevocations({ afterRevision }, metadata);
  const told: string[] = [];
  try {
    for await (const { event } of watch as AsyncIterable<WatchRevocationsResponse>) {
      if (event?.$case === "revocation") told.push(event.value.sessionId);
      if (wanted.every((id) => told.includes(id))) break;
    }
    return told;
  } finally {
    watch.cancel();
    client.close();
  }
};

test("a backup is restored on other machines, and what the run-book says of sessions holds", async () => {
  const before = await site.serve();
  const [ann, bob] = [
    await createUser(before, site.adminKey),
    await createUser(before, site.adminKey),
  ];
  const kept = await before.signIn(ann);
  const endedBefore = await before.signIn(ann);
  const endedLater = await before.signIn(bob);
  await logout(before, endedBefore);

  const dump = join(makePrivateFolder("backup"), "curfew.dump");
  const { DATABASE_URL = "" } = site.environment;
  await run(postgresProgram("pg_dump"), ["--format=custom", `--file=${dump}`, DATABASE_URL]);

  const { revision: lastSeen } = await logout(before, endedLater);
  const madeAfter = await before.signIn(bob);
  await before.process.stop("SIGTERM");

  // A server whose transactions begin anew, and a Redis that remembers nothing.
  const target = `--dbname=${newPostgres.url}`;
  await run(postgresProgram("pg_restore"), ["--clean", "--if-exists", target, dump]);
  const restored = { DATABASE_URL: newPostgres.url, REDIS_URL: newRedis.url };
  const settings = loadSettings({ ...site.environment, ...restored });
  expect(await localAdmin.markRestored(settings)).toBeGreaterThan(lastSeen);
  const alone = await site.serve(restored);
  const verdict = (replica: ServedReplica, { accessToken }: LoginResponse): Promise<string> =>
    replica
      .call(SessionAdminService.explainToken, { accessToken }, site.adminKey)
      .then((answer) => answer.verdict);
  const isValid = async (replica: ServedReplica, session: LoginResponse): Promise<boolean> => {
    let answer: boolean | undefined;
    // An outage of a busy machine is no verdict: the call is repeated.
    await waitUntil("there is a verdict", async () => {
      answer = await replica.validate(session.accessToken, site.adminKey).then(
        () => true,
        ({ code }: ServiceError) => (code === status.UNAUTHENTICATED ? false : undefined),
      );
      return answer !== undefined;
    });
    return answer === true;
  };

  expect(await isValid(alone, kept)).toBe(true);
  expect(await verdict(alone, endedBefore)).toBe("ACCESS_TOKEN_BLACKLISTED");
  expect(await isValid(alone, endedBefore)).toBe(false);
  expect(await isValid(alone, endedLater)).toBe(true);
  expect(await verdict(alone, madeAfter)).toBe("SESSION_REVOKED_OR_INVALID");

  const words = ["sessions", "revoke", "--all", "--yes", "--note", "restored from backup"];
  let said = "";
  // So young a backup holds the lease of the replica that ran beside it, which names the old Redis: until that lease is
  // over, 15 s at most, no revocation is certain. It is safe to repeat.
  await waitUntil(
    "the sessions have ended for certain",
    async () => {
      said = await site.administer(alone, ...words).catch(() => "");
      return said !== "";
    },
    30_000,
  );
  expect(said).toMatch(/^Ended \d sessions?\.\n$/);
  const another = await site.serve(restored);
  // A watcher that has followed the revocations to the last one before the disaster misses none of those after it.
  expect(await endedAfter(another, lastSeen, [idOf(kept), idOf(endedLater)])).not.toContain(
    idOf(endedBefore),
  );
  for (const replica of [alone, another]) {
    for (const session of [kept, endedBefore, endedLater, madeAfter])
      expect(await isValid(replica, session)).toBe(false);
    expect(await verdict(replica, kept)).toBe("ACCESS_TOKEN_BLACKLISTED");
  }
  const again = await another.signIn(bob);
  expect(await isValid(alone, again)).toBe(true);
  // The search of events continues, though the new server counts its transactions from the beginning.
  await waitUntil("new events are looked through", async () => {
    const { logins } = await alone.call(
      SessionAdminService.getSessionStats,
      { windowMinutes: 0 },
      site.adminKey,
    );
    return logins === 4n;
  });
}, 120_000);
