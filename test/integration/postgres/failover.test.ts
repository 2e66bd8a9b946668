import { afterEach, beforeEach, expect, test } from "vitest";
import { type Database, openDatabase } from "../../../src/postgres/database.js";
import { migrateUp } from "../../../src/postgres/migrate.js";
import {
  type CoreReplica,
  makeUser,
  outcomeOf,
  startCoreReplica,
  verdictOf,
} from "../../support/core_replica.js";
import { createClient } from "../../support/database_client.js";
import {
  type PostgresServer,
  PRIMARY_SETTINGS,
  promote,
  startPostgres,
  startSynchronousStandby,
} from "../../support/postgres.js";
import { redisUrlForFile } from "../../support/redis.js";
import { startTcpProxy, type TcpProxy } from "../../support/tcp_proxy.js";
import { waitUntil } from "../../support/wait_until.js";
import { openSessions } from "../guarantees/open_sessions.js";
import { byRevoke, raceRevocations } from "../guarantees/revocation_race.js";

const PATIENCE_MS = 30_000;

let primary: PostgresServer;
let standby: PostgresServer;
const servers: PostgresServer[] = [];
/** Where the proxy leads new connections. */
let target: { host: string; port: number };
let proxy: TcpProxy | undefined;
let redisUrl: string;
const replicas: CoreReplica[] = [];
const databases: Database[] = [];

/** A URL that names both servers, as libpq takes it. */
const bothHosts = (): string => {
  const { username, password } = new URL(primary.url);
  const hosts = [primary, standby].map(({ host, port }) => `${host}:${port}`);
  return `postgresql://${username}:${password}@${hosts}/postgres?target_session_attrs=read-write`;
};

const behindProxy = (): string => {
  if (proxy === undefined) throw new Error("no proxy");
  return proxy.urlFor(primary.url);
};

const start = async (databaseUrl: string): Promise<CoreReplica> => {
  const replica = await startCoreReplica({ databaseUrl, redisUrl, postgresTimeoutMs: 1000 });
  replicas.push(replica);
  return replica;
};

const open = (connection: string): Database => {
  const database = openDatabase({
    connection,
    poolSize: 4,
    acquireTimeoutMs: 10_000,
    statementTimeoutMs: 10_000,
  });
  databases.push(database);
  return database;
};

const tell = async (server: PostgresServer, sql: string): Promise<void> => {
  const client = createClient({ connectionString: server.url });
  await client.connect();
  await client.query(sql).finally(() => client.end());
};

/** The port of the server that answers, or the failure. */
const portOf = async (database: Database): Promise<number> => {
  const { rows } = await database.raw<{ rows: { port: number }[] }>(
    "SELECT inet_server_port() AS port",
  );
  return rows[0]?.port ?? 0;
};

beforeEach(async () => {
  primary = await startPostgres({ settings: PRIMARY_SETTINGS });
  servers.push(primary);
  await migrateUp(open(primary.url), primary.url);
  standby = await startSynchronousStandby(primary);
  servers.push(standby);
  target = { host: primary.host, port: primary.port };
  proxy = await startTcpProxy(target);
  redisUrl = await redisUrlForFile();
});
afterEach(async () => {
  await Promise.all(replicas.splice(0).map((replica) => replica.kill()));
  await Promise.all(databases.splice(0).map((database) => database.destroy()));
  await proxy?.close();
  await Promise.all(servers.splice(0).map((server) => server.stop("immediate")));
});

test("L1 L3 L4 a failover under load loses no revocation that was answered OK, behind a proxy or with both hosts in the URL", async () => {
  const [byProxy, byHosts] = [await start(behindProxy()), await start(bothHosts())];
  const sessions = await openSessions(byProxy, await makeUser(byProxy), 1000);
  const racing = raceRevocations({ replicas: [byProxy, byHosts], sessions, budgetMs: 2500 });
  await primary.stop("immediate");
  await promote(standby);
  target.port = standby.port;
  const history = await racing;
  expect(history.violations()).toEqual([]);

  await Promise.all(
    [byProxy, byHosts].map((replica) =>
      waitUntil(
        "a replica works on the new primary",
        async () => {
          const [session] = await openSessions(replica, await makeUser(replica), 1);
          return (
            session !== undefined && (await verdictOf(replica, session.accessToken)) === "valid"
          );
        },
        PATIENCE_MS,
      ),
    ),
  );
  const again = await openSessions(byHosts, await makeUser(byHosts), 20);
  const after = await raceRevocations({
    replicas: [byProxy, byHosts],
    sessions: again,
    budgetMs: 1500,
  });
  expect(after.violations()).toEqual([]);
  expect(after.validCount()).toBeGreaterThan(20);
});

test("L1 a former primary that is cut off is believed no longer than a revocation waits for it", async () => {
  const [onFormer, onNew] = [await start(primary.url), await start(behindProxy())];
  const [session] = await openSessions(onFormer, await makeUser(onFormer), 1);
  if (session === undefined) throw new Error("no session");
  expect(await verdictOf(onFormer, session.accessToken)).toBe("valid");

  await promote(standby);
  // However long this test takes, the former primary's reader has a lease until it is taken away.
  await tell(standby, "UPDATE replicas SET reads_until = now() + interval '1 hour'");
  target.port = standby.port;
  proxy?.cut();
  proxy?.restore();
  const revoke = () => outcomeOf(byRevoke(onNew, session));
  await waitUntil(
    "the revocation is in the new primary",
    async () => {
      expect(await revoke()).toBe("DEPENDENCY_UNAVAILABLE");
      const { rows } = await onNew.database
        .raw<{ rows: unknown[] }>("SELECT FROM sessions WHERE revoked_at IS NOT NULL")
        .catch(() => ({ rows: [] }));
      return rows.length === 1;
    },
    PATIENCE_MS,
  );
  expect(await revoke()).toBe("DEPENDENCY_UNAVAILABLE");
  // As waiting for the end of the lease would do.
  onFormer.age(20_000);
  await tell(
    standby,
    "UPDATE replicas SET reads_until = now() - interval '1 minute' WHERE reads_until > now() + interval '1 minute'",
  );
  await waitUntil(
    "the revocation is confirmed",
    async () => (await revoke()) === "OK",
    PATIENCE_MS,
  );
  expect(await verdictOf(onFormer, session.accessToken)).toBe("DEPENDENCY_UNAVAILABLE");
  expect(await verdictOf(onNew, session.accessToken)).toBe("ACCESS_TOKEN_BLACKLISTED");
});

test("a standby is refused, and once it is the primary, no connection to the former one is used", async () => {
  await expect(portOf(open(standby.url))).rejects.toMatchObject({
    cause: { cause: { message: `${standby.host}:${standby.port} is a standby, which only reads` } },
  });
  const database = open(bothHosts());
  const askFour = () => Promise.all(Array.from({ length: 4 }, () => portOf(database)));
  expect(new Set(await askFour())).toEqual(new Set([primary.port]));
  await promote(standby);
  // The former primary still answers, but one of the connections to it is lost.
  await tell(
    primary,
    "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE application_name = 'curfew' LIMIT 1) one",
  );
  const seen: number[] = [];
  await waitUntil(
    "the new primary answers",
    async () => {
      seen.push(...(await askFour().catch(() => [])));
      return seen.at(-1) === standby.port;
    },
    PATIENCE_MS,
  );
  expect(seen.slice(seen.indexOf(standby.port))).not.toContain(primary.port);
  expect(new Set(await askFour())).toEqual(new Set([standby.port]));
});

test("a primary that was made read-only loses its connections, and the other host is found", async () => {
  const database = open(bothHosts());
  expect(await portOf(database)).toBe(primary.port);
  await tell(primary, "ALTER SYSTEM SET default_transaction_read_only = on");
  await tell(primary, "SELECT pg_reload_conf()");
  await promote(standby);
  const write = () =>
    database.raw(
      "INSERT INTO replicas (replica_id, trusts_until) VALUES (gen_random_uuid(), now())",
    );
  await waitUntil(
    "writes are taken",
    () =>
      write().then(
        () => true,
        () => false,
      ),
    PATIENCE_MS,
  );
  expect(await portOf(database)).toBe(standby.port);
});
