import pg from "pg";
import { expect, test } from "vitest";
import { hostUrls } from "../../../src/postgres/hosts.js";

test.each([
  ["postgres://u:p@db:5433/curfew?sslmode=require"],
  ["postgres://db"],
  ["postgres:///curfew?host=/var/run/postgresql"],
])("one host: %s", (url) => {
  expect(hostUrls(url)).toEqual([url]);
});

test.each([
  ["postgresql://u:p%2C@a:1,b:2/curfew?target_session_attrs=read-write", ["a", 1], ["b", 2]],
  ["postgres://u:p%2C@a,b/curfew", ["a", 5432], ["b", 5432]],
  ["postgres://u:p%2C@[::1]:1,[::2]/curfew", ["::1", 1], ["::2", 5432]],
  ["postgres://u:p%2C@/curfew?host=a,b&port=1,2", ["a", 1], ["b", 2]],
  ["postgres://u:p%2C@/curfew?host=/run/a,/run/b&port=1", ["/run/a", 1], ["/run/b", 1]],
])("several hosts: %s", (url, ...hosts) => {
  const parsed = hostUrls(url).map((one) => new pg.Client(one));
  expect(parsed.map(({ host, port }) => [host, port])).toEqual(hosts);
  for (const one of parsed)
    expect(one).toMatchObject({ user: "u", password: "p,", database: "curfew" });
});

test("what else the URL asks for is asked of each host", () => {
  const urls = hostUrls(
    "postgres://a,b/curfew?options=-csearch_path%3Dx&target_session_attrs=primary",
  );
  for (const url of urls) expect(new URL(url).searchParams.get("options")).toBe("-csearch_path=x");
  expect(urls.join()).not.toContain("target_session_attrs");
});
