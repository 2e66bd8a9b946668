import { setting } from "../setting.js";
import { postgresUrl, redisUrl } from "../store_urls.js";
import { onOff, text, wholeNumber } from "../value_schemas.js";

/** Where sessions are kept. */
export const STORE_SETTINGS = {
  databaseUrl: setting({
    name: "DATABASE_URL",
    schema: postgresUrl().optional(),
    fallbackDoc: "embedded PostgreSQL in `DATA_DIR`, for loopback hosts only",
    doc: "PostgreSQL, the primary store of users and sessions. Of several hosts, separated by commas, connections go to the one that is the primary: `postgres://user:password@a:5432,b:5432/curfew?target_session_attrs=read-write`.",
    secret: true,
  }),
  redisUrl: setting({
    name: "REDIS_URL",
    schema: redisUrl().optional(),
    fallbackDoc: "memory of the process",
    doc: "Redis, the fast memory: `redis://`, `rediss://` (TLS), `redis+sentinel://` or `redis+cluster://`. Sentinels with a password of their own: `…/name?sentinel_password=…`, with `sentinel_username=…` before it if they have users.",
    secret: true,
  }),
  dataDir: setting({
    name: "DATA_DIR",
    schema: text("a path"),
    fallback: ".curfew",
    doc: "Folder of the embedded database.",
  }),
  autoMigrate: setting({
    name: "AUTO_MIGRATE",
    schema: onOff(),
    fallback: { development: "true", production: "false" },
    doc: "Whether a start brings the schema up to date. Safe when many replicas start at once.",
  }),
  postgresPoolSize: setting({
    name: "POSTGRES_POOL_SIZE",
    schema: wholeNumber(2, 500),
    fallback: "10",
    doc: "Most PostgreSQL connections of one process.",
  }),
  redisTimeoutMs: setting({
    name: "REDIS_TIMEOUT_MS",
    schema: wholeNumber(1, 10_000),
    fallback: "50",
    doc: "Milliseconds after which an answer of Redis is not waited for any longer.",
  }),
} as const;
