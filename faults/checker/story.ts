import type {
  Call,
  EndCall,
  EndUserCall,
  LoginCall,
  RefreshCall,
  ValidateCall,
} from "../history/call.js";

/** Everything asked about one session. */
export interface SessionStory {
  readonly id: string;
  /** The login that made it, if it was answered. */
  readonly login: LoginCall | undefined;
  readonly user: UserStory | undefined;
  readonly validations: readonly ValidateCall[];
  /** In the order in which they began. */
  readonly refreshes: readonly RefreshCall[];
  readonly revocations: readonly EndCall[];
}

/** Everything asked about one user. */
export interface UserStory {
  readonly id: string;
  readonly logins: readonly LoginCall[];
  readonly revocations: readonly EndUserCall[];
  readonly sessions: readonly SessionStory[];
}

export interface Stories {
  readonly sessions: ReadonlyMap<string, SessionStory>;
  readonly users: ReadonlyMap<string, UserStory>;
}

type Growing<T> = {
  -readonly [K in keyof T]: T[K] extends readonly (infer Item)[] ? Item[] : T[K];
};

/** Groups calls by their session and user. Linear but for the order of a session's refreshes. */
export const tellStories = (calls: readonly Call[]): Stories => {
  const users = new Map<string, Growing<UserStory>>();
  const sessions = new Map<string, Growing<SessionStory>>();
  const userOf = (id: string): Growing<UserStory> => {
    const known = users.get(id);
    if (known) return known;
    const story = { id, logins: [], revocations: [], sessions: [] };
    users.set(id, story);
    return story;
  };
  const sessionOf = (id: string): Growing<SessionStory> => {
    const known = sessions.get(id);
    if (known) return known;
    const story: Growing<SessionStory> = {
      id,
      login: undefined,
      user: undefined,
      validations: [],
      refreshes: [],
      revocations: [],
    };
    sessions.set(id, story);
    return story;
  };

  for (const call of calls) {
    if (call.operation === "login") {
      const user = userOf(call.user);
      user.logins.push(call);
      if (call.answer.kind !== "ok") continue;
      const session = sessionOf(call.answer.session);
      session.login = call;
      session.user = user;
      user.sessions.push(session);
    } else if (call.operation === "end_user") userOf(call.user).revocations.push(call);
    else if (call.operation === "validate") sessionOf(call.session).validations.push(call);
    else if (call.operation === "refresh") sessionOf(call.session).refreshes.push(call);
    else sessionOf(call.session).revocations.push(call);
  }
  for (const { refreshes } of sessions.values()) refreshes.sort((a, b) => a.start - b.start);
  return { sessions, users };
};
