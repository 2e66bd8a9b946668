import { reads } from "./value_schemas.js";

const MAX_PORT = 65_535;

const POSTGRES_URL = /^postgres(?:ql)?:\/\/((?:[^/?#]*@)?)([^/?#@]*)([^?#]*)(?:\?([^#]*))?$/i;
/** Curfew writes: any other session would be of no use. */
const WRITING_SESSIONS = ["read-write", "primary"];

const isPostgresUrl = (text: string): boolean => {
  const [, credentials = "", authority = "", path = "", query = ""] = POSTGRES_URL.exec(text) ?? [];
  const parameters = new URLSearchParams(query);
  const named = parameters.get("host")?.split(",");
  const hosts = named ?? authority.split(",");
  const ports = parameters.get("port")?.split(",") ?? [];
  return (
    hosts.every((host) => host !== "") &&
    (ports.length <= 1 || ports.length === hosts.length) &&
    ports.every((port) => /^\d{1,5}$/.test(port) && Number(port) <= MAX_PORT) &&
    WRITING_SESSIONS.includes(parameters.get("target_session_attrs") ?? "primary") &&
    (named ? [authority] : hosts).every((host) =>
      URL.canParse(`postgres://${credentials}${host}${path}`),
    )
  );
};

/** A connection string of PostgreSQL: libpq's URI form, with one host or several. */
export const postgresUrl = () =>
  reads(
    "a URL like `postgres://user:password@host:5432/database`, or with the hosts of a primary and its standbys `postgres://user:password@a:5432,b:5432/database` (`target_session_attrs`, if given, `read-write` or `primary`)",
    (text) => (isPostgresUrl(text) ? text : undefined),
  );

const NODE = String.raw`(?:\[[0-9a-fA-F:.]+\]|[^\s,:/?#@[\]]+)(?::\d{1,5})?`;
const REDIS_URL = new RegExp(
  String.raw`^rediss?(?:[+-](sentinel|cluster))?:\/\/(?:([^\s@/?#]*)@)?(${NODE}(?:,${NODE})*)(\/[^\s?#]*)?(?:\?([^\s#]*))?$`,
);
/** What may stand after the nodes: a database by its number; with Sentinel, the master's name before it. */
const PATHS: Readonly<Record<string, RegExp>> = {
  alone: /^(\/\d{0,5})?$/,
  sentinel: /^(\/[^/]*(\/\d{0,5})?)?$/,
  cluster: /^(\/0?)?$/,
};
/** What Sentinels that ask for credentials of their own are given. */
const SENTINEL_PARAMETER = /^sentinel_(?:username|password)=(.+)$/;
const isDecodable = (text: string): boolean => {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
};

const isRedisUrl = (text: string): boolean => {
  const [, kind = "alone", credentials = "", nodes, path = "", query = ""] =
    REDIS_URL.exec(text) ?? [];
  if (nodes === undefined) return false;
  const parameters = query === "" ? [] : query.split("&");
  const ports = nodes.split(",").map((node) => Number(/:(\d+)$/.exec(node)?.[1] ?? 1));
  return (
    isDecodable(credentials) &&
    parameters.every((parameter) => {
      const value = kind === "sentinel" && SENTINEL_PARAMETER.exec(parameter)?.[1];
      return value && isDecodable(value);
    }) &&
    ports.every((port) => port >= 1 && port <= MAX_PORT) &&
    PATHS[kind]?.test(path) === true
  );
};

/**
 * Where Redis is: `redis://` or `rediss://` (TLS) for one server, the same with
 * `+sentinel` or `+cluster` and several `host:port`, separated by commas. The
 * credentials before them are those of Redis; what Sentinels ask for follows as
 * `?sentinel_username=…&sentinel_password=…`. Percent-encoded, all of them.
 */
export const redisUrl = () =>
  reads(
    "a URL like `redis://host:6379`, `rediss://…` (TLS), `redis+sentinel://a:26379,b:26379/name` (with `?sentinel_password=…` if the Sentinels have one) or `redis+cluster://a:6379,b:6379`",
    (text) => (isRedisUrl(text) ? text : undefined),
  );
