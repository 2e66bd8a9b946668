import type { Call } from "../history/call.js";
import { earliestAfter, overlaps } from "./moments.js";
import type { Rules } from "./rules.js";
import type { SessionStory, Stories, UserStory } from "./story.js";
import { surelyIdle } from "./time.js";
import type { Violation } from "./violation.js";

/** N1, N2 and N3 of every user. */
export const checkLimit = ({ users }: Stories, rules: Rules): Violation[] =>
  [...users.values()].flatMap((user) => [
    ...neverMoreThan(user, rules),
    ...(rules.limitPolicy === "reject" ? refusedOnlyWhenFull(user, rules) : []),
    ...(rules.limitPolicy === "evict_oldest" ? oldestFirst(user) : []),
    ...evictedAreNamed(user),
  ]);

interface Life {
  readonly session: SessionStory;
  /** Live at both of these moments, and so between them. */
  readonly from: Call;
  readonly to: Call;
}

/** Between two answers "valid" a session was live all the time, since no end is ever undone. */
const lifeOf = (session: SessionStory): Life | undefined => {
  const proofs: Call[] = [...session.validations, ...session.refreshes].filter(
    ({ answer }) => answer.kind === "ok",
  );
  const [first] = proofs;
  if (first === undefined) return undefined;
  const from = proofs.reduce((a, b) => (b.end < a.end ? b : a), session.login ?? first);
  const to = proofs.reduce((a, b) => (b.start > a.start ? b : a));
  return from.end <= to.start ? { session, from, to } : undefined;
};

const neverMoreThan = (user: UserStory, { maxSessions }: Rules): Violation[] => {
  const lives = user.sessions.flatMap((session) => lifeOf(session) ?? []);
  const moments = lives
    .flatMap(({ from, to }) => [
      { at: from.end, change: 1 },
      { at: to.start, change: -1 },
    ])
    .sort((a, b) => a.at - b.at || b.change - a.change);
  let live = 0;
  for (const { at, change } of moments) {
    live += change;
    if (live <= maxSessions) continue;
    const together = lives.filter(({ from, to }) => from.end <= at && at <= to.start);
    const what = `user ${user.id} had ${live} live sessions at ${at.toFixed(3)} ms, of ${maxSessions}`;
    return [{ guarantee: "N1", what, calls: together.map(({ to }) => to) }];
  }
  return [];
};

const refusedOnlyWhenFull = (user: UserStory, rules: Rules): Violation[] => {
  const refused = user.logins.filter(
    ({ answer }) => answer.kind === "refused" && answer.reason === "SESSION_LIMIT_EXCEEDED",
  );
  return [...overlaps(refused, possibleLives(user, rules))].flatMap(([call, lives]) => {
    const possible = lives.filter(({ isIdle }) => !isIdle(call.start));
    if (possible.length >= rules.maxSessions) return [];
    const what = `a login was refused when at most ${possible.length} sessions were live`;
    return [{ guarantee: "N3", what, calls: [call] }];
  });
};

/** From the beginning of its login to the first answer from which its end follows; of a login without an answer, for ever. */
const possibleLives = (user: UserStory, rules: Rules) => [
  ...user.logins
    .filter(({ answer }) => answer.kind === "uncertain")
    .map(({ start }) => ({ start, end: Infinity, isIdle: () => false })),
  ...user.sessions.flatMap((session) => {
    const { login, revocations, validations } = session;
    const ends = [
      ...revocations.filter(({ answer }) => answer.kind === "ok"),
      ...validations.filter(({ answer }) => answer.kind === "refused"),
    ];
    const end = ends.reduce((first, call) => Math.min(first, call.end), Infinity);
    return login ? [{ start: login.start, end, isIdle: surelyIdle(session, rules) }] : [];
  }),
];

/** Of two sessions one after the other, the newer is not evicted while the older lives on. */
const oldestFirst = (user: UserStory): Violation[] => {
  const evicted = user.sessions.flatMap((session) => {
    const proof = evictionOf(session);
    return proof && session.login ? [{ proof, login: session.login }] : [];
  });
  const evictedFirst = earliestAfter(
    evicted,
    ({ login }) => login.start,
    ({ proof }) => proof.end,
  );
  return user.sessions.flatMap((older) => {
    const newer = older.login && evictedFirst(older.login.end);
    if (newer === undefined) return [];
    const lived = older.validations.find(
      ({ answer, start }) => answer.kind === "ok" && start > newer.proof.end,
    );
    if (lived === undefined) return [];
    const what = `user ${user.id} lost a newer session while an older one lived on`;
    return [{ guarantee: "N2", what, calls: [newer.proof, lived] }];
  });
};

const evictionOf = ({ validations }: SessionStory) =>
  validations.find(
    ({ answer }) => answer.kind === "refused" && answer.endReason === "SESSION_LIMIT",
  );

/** If all logins were answered, the answer of some login names each session that was evicted by the limit. */
const evictedAreNamed = (user: UserStory): Violation[] => {
  if (user.logins.some(({ answer }) => answer.kind === "uncertain")) return [];
  const named = new Set(
    user.logins.flatMap(({ answer }) => (answer.kind === "ok" ? answer.evicted : [])),
  );
  return user.sessions.flatMap((session) => {
    const { id } = session;
    const proof = evictionOf(session);
    if (proof === undefined || named.has(id)) return [];
    const what = `session ${id} was evicted and no login's answer says so`;
    return [{ guarantee: "N2", what, calls: [proof] }];
  });
};
