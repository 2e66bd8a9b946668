import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SessionQuery } from "../../../../src/core/ports/session_store.js";
import {
  type ListInput,
  pageSizeOf,
  readPageToken,
  writePageToken,
} from "../../../../src/core/session/list_sessions.js";
import { IDLE, listing } from "../listing.js";

describe("page tokens", () => {
  test("bring back where the page ended, whatever that is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string(), (after, query) => {
        fc.pre(!after.includes("\0"));
        const token = writePageToken(after, query);
        expect(token).toMatch(/^[\w-]+$/);
        expect(readPageToken(token, query)).toBe(after);
      }),
    );
  });

  const withoutText = writePageToken("\0", "query");
  test.each(["", "x", "!!!", "AAAA", btoa("no owner"), btoa("\xff\xfe"), "🐎", " ", withoutText])(
    "one that we did not write is refused with what it must be: %j",
    (token) => {
      expect(() => readPageToken(token, "query")).toThrow(
        expect.objectContaining({
          reason: "INVALID_ARGUMENT",
          violations: [expect.objectContaining({ field: "page_token" })],
        }),
      );
    },
  );

  test("one of another question is refused", () => {
    expect(() => readPageToken(writePageToken("id", "one"), "other")).toThrow("INVALID_ARGUMENT");
  });
});

test.each([
  [0, 50],
  [1, 1],
  [1000, 1000],
  [1001, 1000],
  [2 ** 31 - 1, 1000],
])("AIP-158: a page size of %d is %d", (asked, given) => {
  expect(pageSizeOf(asked)).toBe(given);
});

describe("pages", () => {
  const ask = (given: Partial<ListInput>): ListInput => ({
    filter: {},
    order: "created_desc",
    pageSize: 2,
    pageToken: "",
    ...given,
  });

  test("go on where the one before ended, and the last names no next", async () => {
    const { list, asked } = listing(["a", "b", "c", "d", "e"]);
    const seen: string[] = [];
    let pageToken = "";
    for (let pages = 1; ; pages++) {
      const page = await list(ask({ pageToken }));
      seen.push(...page.sessions.map(({ id }) => id));
      pageToken = page.nextPageToken;
      if (pageToken !== "") continue;
      expect(pages).toBe(3);
      break;
    }
    expect(seen).toEqual(["a", "b", "c", "d", "e"]);
    expect(asked.map((query: SessionQuery) => query.after)).toEqual([undefined, "b", "d"]);
    expect(asked[0]?.liveAt).toEqual({ now: 1234, idleTimeoutMs: IDLE });
  });

  test("a last page that is full names no next either", async () => {
    const { list } = listing(["a", "b"]);
    expect((await list(ask({}))).nextPageToken).toBe("");
    expect((await listing([]).list(ask({}))).sessions).toEqual([]);
  });

  test("a token belongs to its filter and order", async () => {
    const { list } = listing(["a", "b", "c"]);
    const { nextPageToken: pageToken } = await list(ask({ filter: { userId: "u" } }));
    for (const other of [
      ask({ pageToken }),
      ask({ pageToken, filter: { userId: "v" } }),
      ask({ pageToken, filter: { userId: "u" }, order: "created_asc" }),
    ])
      await expect(list(other)).rejects.toMatchObject({ reason: "INVALID_ARGUMENT" });
    const next = await list(ask({ pageToken, filter: { userId: "u" }, pageSize: 1 }));
    expect(next.sessions.map(({ id }) => id)).toEqual(["c"]);
  });
});
