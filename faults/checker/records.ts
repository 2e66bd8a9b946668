import type { Aftermath, SessionRecord } from "../history/aftermath.js";
import type { SessionStory, Stories } from "./story.js";
import type { Violation } from "./violation.js";

/** Compares the answers with the final content of Postgres (L4, R1, R3, N4, A3, D7). */
export const checkRecords = (stories: Stories, aftermath: Aftermath): Violation[] => [
  ...[...stories.sessions.values()].flatMap((session) => {
    const record = aftermath.sessions.get(session.id);
    return record ? [...endingIsRecorded(session, record), ...eventsAreExact(session, record)] : [];
  }),
  ...noPhantoms(stories, aftermath),
  ...writesBehind(aftermath),
];

const endingIsRecorded = (
  { id, revocations }: SessionStory,
  record: SessionRecord,
): Violation[] => {
  const told = revocations.find(({ answer }) => answer.kind === "ok");
  if (told === undefined || record.endReason !== undefined) return [];
  return [
    {
      guarantee: "L4",
      what: `a revocation of session ${id} answered OK is not on record`,
      calls: [told],
    },
  ];
};

const eventsAreExact = (session: SessionStory, record: SessionRecord): Violation[] => {
  const { id, refreshes } = session;
  const { events, generation, endReason } = record;
  const answeredReused = refreshes.filter(
    ({ answer }) => answer.kind === "refused" && answer.reason === "REFRESH_TOKEN_REUSED",
  );
  const uncertain = refreshes.filter(({ answer }) => answer.kind === "uncertain").length;
  const least = answeredReused.length;
  const endedByReuse = endReason === "REFRESH_REUSE" ? 1 : 0;
  const wrong = (guarantee: string, what: string) => [
    { guarantee, what: `session ${id} has ${what}`, calls: answeredReused },
  ];
  const newest = refreshes.reduce((n, call) => Math.max(n, call.generation + 1), 1);
  return [
    ...(generation > newest
      ? wrong("R1", `generation ${generation}, when ${newest} is the newest that was asked for`)
      : []),
    ...(events.rotated !== generation - 1
      ? wrong("R1", `${events.rotated} exchanges on record and generation ${generation}`)
      : []),
    ...(events.ended !== (endReason === undefined ? 0 : 1)
      ? wrong("D7", `${events.ended} events of its end`)
      : []),
    ...(events.reuseEnded !== endedByReuse
      ? wrong("R3", `${events.reuseEnded} events of reuse that ended it, and ended by ${endReason}`)
      : []),
    ...(events.reused < least || events.reused > least + uncertain
      ? wrong("R3", `${events.reused} events of reuse for ${least} answers that say so`)
      : []),
  ];
};

/** Every open session was made by a login, answered or not. */
const noPhantoms = ({ users, sessions }: Stories, { openSessions }: Aftermath): Violation[] =>
  [...openSessions].flatMap(([userId, open]) => {
    const unanswered =
      users.get(userId)?.logins.filter(({ answer }) => answer.kind === "uncertain").length ?? 0;
    const unknown = open.filter((id) => sessions.get(id)?.login === undefined);
    if (unknown.length <= unanswered) return [];
    const what = `user ${userId} has ${unknown.length} open sessions that no login made`;
    return [{ guarantee: "N4 A3", what, calls: [] }];
  });

/** At most one write per session and flush; none on the path of a call. */
const writesBehind = ({ activity }: Aftermath): Violation[] =>
  [...(activity?.bySession ?? [])]
    .filter(([, writes]) => writes > (activity?.flushes ?? 0))
    .map(([id, writes]) => ({
      guarantee: "A3",
      what: `activity of session ${id} was written ${writes} times in ${activity?.flushes} flushes`,
      calls: [],
    }));
