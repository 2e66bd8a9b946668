import pg from "pg";
import { unavailable } from "../core/errors.js";
import { hostUrls } from "./hosts.js";
import { isFormer, readServerIdentity, type ServerIdentity } from "./server_identity.js";

/** The time within which a host must report its role, in milliseconds. */
const PROBE_TIMEOUT_MS = 1000;
/** How long the other hosts are waited for once a primary has answered, in milliseconds: it may be a former one. */
const OTHERS_MS = 250;

/** Finds the primary among several hosts. */
export interface PrimaryHost {
  /**
   * The connection string of the host for new connections.
   *
   * @throws CurfewError DEPENDENCY_UNAVAILABLE: no host says that it is the primary
   */
  choose(): Promise<string>;
  /** Reports a failure of the chosen host: the hosts are checked again before the next connection. */
  suspect(): void;
}

interface Found {
  readonly url: string;
  readonly identity: ServerIdentity | undefined;
}

/** @param urls of the hosts, in the order of preference where several say that they are the primary */
export const createPrimaryHost = (
  urls: readonly string[],
  timeoutMs = PROBE_TIMEOUT_MS,
): PrimaryHost => {
  let chosen: string | undefined;
  let electing: Promise<string> | undefined;

  const elect = async (): Promise<string> => {
    const best = newest(await askAll(urls, timeoutMs));
    chosen = best.url;
    return best.url;
  };

  return {
    async choose() {
      if (chosen !== undefined) return chosen;
      electing ??= elect().finally(() => {
        electing = undefined;
      });
      return electing;
    },
    suspect() {
      chosen = undefined;
    },
  };
};

/** The hosts that say they are the primary: those that have answered a little after the first. */
const askAll = async (urls: readonly string[], timeoutMs: number): Promise<readonly Found[]> => {
  const found: Found[] = [];
  const failures: unknown[] = [];
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    let waiting = urls.length;
    for (const url of urls)
      probe(url, timeoutMs)
        .then(
          (identity) => {
            found.push({ url, identity });
            timer ??= setTimeout(resolve, OTHERS_MS);
          },
          (error: unknown) => failures.push(error),
        )
        .finally(() => {
          waiting -= 1;
          if (waiting === 0) resolve();
        });
  });
  clearTimeout(timer);
  if (found.length > 0) return [...found].sort((a, b) => urls.indexOf(a.url) - urls.indexOf(b.url));
  const why = failures.map((error) => causeOf(error)).join("; ");
  throw unavailable(
    new Error(`no host of DATABASE_URL accepts connections as the primary: ${why}`),
  );
};

const newest = (found: readonly Found[]): Found =>
  found.reduce((best, other) =>
    best.identity !== undefined &&
    other.identity !== undefined &&
    isFormer(best.identity, other.identity)
      ? other
      : best,
  );

const causeOf = (error: unknown): string => {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message : String(cause);
};

/** An operator may have made a primary read-only, to fence it off. */
const requireWrites = async (client: pg.Client): Promise<void> => {
  const { rows } = await client.query<{ only_reads: string }>(
    "SELECT pg_catalog.current_setting('transaction_read_only') AS only_reads",
  );
  if (rows[0]?.only_reads === "on") throw new Error("the server only reads");
};

const probe = async (url: string, timeoutMs: number): Promise<ServerIdentity | undefined> => {
  const client = new pg.Client({
    connectionString: url,
    application_name: "curfew",
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  });
  // If this connection is lost, its query fails; without a listener it would end the process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    const identity = await readServerIdentity(client);
    await requireWrites(client);
    return identity;
  } catch (error) {
    throw new Error(`${client.host}:${client.port}: ${causeOf(error)}`);
  } finally {
    // A server that says nothing does not say goodbye either.
    void client.end().catch(() => undefined);
  }
};

/** What `pg` needs to connect to the primary of a connection string, or the parts that were given. */
export const primaryConnection = async (
  connection: string | pg.ClientConfig,
): Promise<pg.ClientConfig> => {
  if (typeof connection !== "string") return connection;
  const urls = hostUrls(connection);
  const [only] = urls;
  return {
    connectionString:
      only !== undefined && urls.length === 1 ? only : await createPrimaryHost(urls).choose(),
  };
};
