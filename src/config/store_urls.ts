import { reads } from "./value_schemas.js";

const schemeOf = (text: string): string => /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1] ?? "";

/** A connection string of PostgreSQL: libpq's URI form. */
export const postgresUrl = () =>
  reads("a URL like `postgres://user:password@host:5432/database`", (text) => {
    if (!["postgres", "postgresql"].includes(schemeOf(text)) || !URL.canParse(text))
      return undefined;
    const url = new URL(text);
    return url.hostname !== "" || url.searchParams.has("host") ? text : undefined;
  });

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
const MAX_PORT = 65_535;

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
