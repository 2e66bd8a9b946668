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

const REDIS_SCHEME = /^rediss?([+-](sentinel|cluster))?$/;
const NODE = String.raw`(\[[0-9a-f:.]+\]|[^\s,:/?#@[\]]+)(:\d{1,5})?`;
const REDIS_REST = new RegExp(
  String.raw`^[^:]+:\/\/([^\s@/?#]*@)?${NODE}(,${NODE})*(\/[^\s?#]*)?(\?[^\s#]*)?$`,
  "i",
);

/**
 * Where Redis is: `redis://` or `rediss://` (TLS) for one server, the same with
 * `+sentinel` or `+cluster` and several `host:port`, separated by commas.
 */
export const redisUrl = () =>
  reads(
    "a URL like `redis://host:6379`, `rediss://…` (TLS), `redis+sentinel://a:26379,b:26379/name` or `redis+cluster://a:6379,b:6379`",
    (text) => (REDIS_SCHEME.test(schemeOf(text)) && REDIS_REST.test(text) ? text : undefined),
  );
