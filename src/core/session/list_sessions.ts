import { invalidField } from "../errors.js";
import type { Clock } from "../ports/clock.js";
import type { SessionFilter, SessionQuery, SessionStore } from "../ports/session_store.js";
import type { Session } from "./session.js";

/** Page sizes (AIP-158): 0 is the default, more than the most count as the most. */
const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 1000;

export interface ListInput {
  readonly filter: SessionFilter;
  readonly order: SessionQuery["order"];
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface SessionPage {
  readonly sessions: readonly Session[];
  readonly nextPageToken: string;
}

export const pageSizeOf = (asked: number): number =>
  asked === 0 ? DEFAULT_PAGE_SIZE : Math.min(asked, MAX_PAGE_SIZE);

/** Sessions by creation, page by page, each page found by its first key. */
export const listSessions =
  (deps: { store: Pick<SessionStore, "list">; clock: Clock; idleTimeoutMs: number }) =>
  async ({ filter, order, pageSize, pageToken }: ListInput): Promise<SessionPage> => {
    const limit = pageSizeOf(pageSize);
    const query = JSON.stringify([filter, order]);
    const found = await deps.store.list({
      filter,
      order,
      liveAt: { now: deps.clock.now(), idleTimeoutMs: deps.idleTimeoutMs },
      after: pageToken === "" ? undefined : readPageToken(pageToken, query),
      limit: limit + 1,
    });
    const sessions = found.slice(0, limit);
    const last = found.length > limit ? sessions.at(-1) : undefined;
    return { sessions, nextPageToken: last ? writePageToken(last.id, query) : "" };
  };

/** Opaque: where the page before ended, and a print of that and of the question it belongs to. */
export const writePageToken = (after: string, query: string): string =>
  btoaUrl(`${print(`${query} ${after}`)} ${after}`);

export const readPageToken = (token: string, query: string): string => {
  const [, ...rest] = atobUrl(token).split(" ");
  const after = rest.join(" ");
  // No store can be asked about U+0000.
  if (rest.length === 0 || writePageToken(after, query) !== token || after.includes("\0"))
    throw invalidField(
      "page_token",
      "must be the next_page_token of a call with the same filter and order",
    );
  return after;
};

const btoaUrl = (text: string): string =>
  btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

const atobUrl = (text: string): string => {
  try {
    const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return new TextDecoder("utf-8", { fatal: true }).decode(
      Uint8Array.from(bytes, (char) => char.charCodeAt(0)),
    );
  } catch {
    return "";
  }
};

/** FNV-1a, to notice a token that was changed or is used with another question; it protects nothing. */
const print = (text: string): string => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(36);
};
