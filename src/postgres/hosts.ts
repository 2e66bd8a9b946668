const PARTS = /^([a-z]+:\/\/)((?:[^/?#]*@)?)([^/?#@]*)([^?#]*)(?:\?([^#]*))?/i;

/**
 * Splits a connection string that names several hosts, as libpq allows it:
 * `postgres://a:5432,b/db`, or `?host=a,b&port=5432,5433`. `pg` knows one host only.
 *
 * @returns a connection string for each host, in the order named; of one host, the string itself
 */
export const hostUrls = (url: string): readonly string[] => {
  const [, scheme = "", credentials = "", authority = "", path = "", query = ""] =
    PARTS.exec(url) ?? [];
  const parameters = new URLSearchParams(query);
  const named = parameters.get("host");
  const hosts = (named ?? authority).split(",");
  if (hosts.length === 1) return [url];
  const ports = (parameters.get("port") ?? "").split(",");
  for (const name of ["host", "port", "target_session_attrs"]) parameters.delete(name);
  return hosts.map((host, i) => {
    const own = new URLSearchParams(parameters);
    if (named !== null) own.set("host", host);
    // libpq: one port is that of all hosts.
    const port = ports.length === 1 ? ports[0] : ports[i];
    if (port) own.set("port", port);
    const rest = own.size === 0 ? "" : `?${own}`;
    return `${scheme}${credentials}${named === null ? host : authority}${path}${rest}`;
  });
};
