/**
 * Which refresh token of which session a cookie holds.
 *
 * Answers overtake each other on their way to a browser, and a `Set-Cookie` in
 * a late one cannot be withdrawn. So each refresh token has a cookie of its
 * own, and the cookie's name says its place in the order. A late answer adds or
 * clears an older one; the newest counts.
 */
export interface CookieVersion {
  /** Orders the sessions of a browser: the time of the login in ms, later than that of any session before. */
  readonly login: number;
  /** Orders the tokens of one session: counted by the refreshes. */
  readonly generation: number;
  readonly sessionId: string;
}

const SESSION_ID = /^[\w-]{1,64}$/;
const NAME = /^__Host-refresh\.([0-9a-z]{1,9})\.(\d{1,9})\.([\w-]{1,64})$/;

/** The name of the cookie of a version. */
export const versionName = ({ login, generation, sessionId }: CookieVersion): string =>
  `__Host-refresh.${login.toString(36)}.${generation}.${sessionId}`;

/** The version that a cookie's name stands for; undefined for any other name. */
export const parseVersionName = (name: string): CookieVersion | undefined => {
  const match = NAME.exec(name);
  if (!match) return undefined;
  const [, login = "", generation = "", sessionId = ""] = match;
  return { login: Number.parseInt(login, 36), generation: Number(generation), sessionId };
};

/** Negative if `a` is older than `b`. Never 0 for different versions. */
export const compareVersions = (a: CookieVersion, b: CookieVersion): number =>
  a.login - b.login ||
  a.generation - b.generation ||
  (a.sessionId < b.sessionId ? -1 : Number(a.sessionId > b.sessionId));

/** The session data of an answer. */
export interface AnsweredSession {
  readonly session_id?: unknown;
  readonly created_at?: unknown;
}

/**
 * The version of the tokens in an answer to a request that came with the cookies
 * `presented`. Undefined if the answer names no session.
 *
 * @param isLogin whether the session is new, and comes after all others
 */
export const nextVersion = (
  presented: readonly CookieVersion[],
  session: AnsweredSession | undefined,
  isLogin: boolean,
): CookieVersion | undefined => {
  const sessionId = String(session?.session_id ?? "");
  if (!SESSION_ID.test(sessionId)) return undefined;
  const own = presented.filter((version) => version.sessionId === sessionId).sort(compareVersions);
  const last = own.at(-1);
  if (last && !isLogin) return { ...last, generation: last.generation + 1 };
  const createdAt = Date.parse(String(session?.created_at)) || 0;
  const login = Math.max(createdAt, ...presented.map((version) => version.login + 1));
  return { login, generation: 0, sessionId };
};
