import type { Answer, Call, Expiry } from "../history/call.js";
import { failureAnswer, type Recorder } from "../history/recorder.js";
import { type GivenTokens, type Target, TargetFailure } from "./target.js";

export interface KnownUser {
  readonly id: string;
  readonly username: string;
  readonly password: string;
}

/** A session with every token that was ever given for it. */
export interface KnownSession {
  readonly id: string;
  readonly user: KnownUser;
  readonly accessTokens: { readonly text: string; readonly expiry: Expiry }[];
  /** By generation, from 1 on. */
  readonly refreshTokens: string[];
}

/** Makes calls and records them. None rejects: what failed is an answer too. */
export interface RecordingClient {
  login(target: Target, user: KnownUser, password?: string): Promise<KnownSession | undefined>;
  /** `back`: how many access tokens ago; 0 is the newest. */
  validate(
    target: Target,
    session: KnownSession,
    how?: { back?: number; use?: boolean },
  ): Promise<boolean>;
  /** Presents the refresh token `back` generations ago. Resolves to whether it was granted. */
  refresh(target: Target, session: KnownSession, back?: number): Promise<boolean>;
  logout(target: Target, session: KnownSession, back?: number): Promise<boolean>;
  revoke(target: Target, session: KnownSession): Promise<boolean>;
  revokeUser(target: Target, user: KnownUser): Promise<boolean>;
  deactivate(target: Target, user: KnownUser): Promise<boolean>;
}

const answered = async <Ok>(call: Promise<Ok>): Promise<Answer<Ok>> => {
  try {
    return { kind: "ok", ...(await call) };
  } catch (failure) {
    if (failure instanceof TargetFailure) return failureAnswer(failure.reason, failure.metadata);
    throw failure;
  }
};

/** Rounded down when it was issued, some time between the call's start and its end. */
const expiryOf = ({ expiresIn }: GivenTokens, start: number, end: number): Expiry => ({
  earliest: start + expiresIn * 1000,
  latest: end + (expiresIn + 1) * 1000,
});

export const recordingClient = (recorder: Recorder): RecordingClient => {
  const revocation = async (
    about: Omit<Extract<Call, { operation: "end" }>, "start" | "end" | "answer">,
    call: () => Promise<bigint>,
  ): Promise<boolean> => {
    const timed = await recorder.timed(() => answered(call().then((revision) => ({ revision }))));
    recorder.add({ ...about, ...timed });
    return timed.answer.kind === "ok";
  };
  const endingUser = async (
    target: Target,
    user: KnownUser,
    forGood: boolean,
    call: () => Promise<bigint>,
  ): Promise<boolean> => {
    const timed = await recorder.timed(() => answered(call().then((revision) => ({ revision }))));
    recorder.add({ operation: "end_user", replica: target.name, user: user.id, forGood, ...timed });
    return timed.answer.kind === "ok";
  };

  return {
    async login(target, user, password = user.password) {
      const { start, end, answer } = await recorder.timed((start) =>
        answered(
          target.login(user.username, password).then((given) => ({
            given,
            session: given.sessionId,
            successor: given.refreshToken,
            expiry: expiryOf(given, start, recorder.now()),
            evicted: given.evicted,
          })),
        ),
      );
      const about = {
        operation: "login",
        replica: target.name,
        user: user.id,
        start,
        end,
      } as const;
      const rightPassword = password === user.password;
      if (answer.kind !== "ok") {
        recorder.add({ ...about, rightPassword, answer });
        return undefined;
      }
      const { given, ...told } = answer;
      recorder.add({ ...about, rightPassword, answer: told });
      return {
        id: given.sessionId,
        user,
        accessTokens: [{ text: given.accessToken, expiry: told.expiry }],
        refreshTokens: [given.refreshToken],
      };
    },

    async validate(target, session, { back = 0, use = true } = {}) {
      const token = session.accessTokens.at(-1 - back) ?? session.accessTokens[0];
      if (token === undefined) throw new Error(`session ${session.id} never had a token`);
      const timed = await recorder.timed(() =>
        answered(target.validate(token.text, use).then(() => ({}))),
      );
      recorder.add({
        operation: "validate",
        replica: target.name,
        session: session.id,
        expiry: token.expiry,
        use,
        ...timed,
      });
      return timed.answer.kind === "ok";
    },

    async refresh(target, session, back = 0) {
      const generation = Math.max(1, session.refreshTokens.length - back);
      const presented = session.refreshTokens[generation - 1] ?? "";
      const { start, end, answer } = await recorder.timed((start) =>
        answered(
          target.refresh(presented).then((given) => ({
            given,
            named: given.sessionId,
            successor: given.refreshToken,
            expiry: expiryOf(given, start, recorder.now()),
          })),
        ),
      );
      const about = { operation: "refresh", replica: target.name, session: session.id } as const;
      if (answer.kind !== "ok") {
        recorder.add({ ...about, generation, start, end, answer });
        return false;
      }
      const { given, ...told } = answer;
      recorder.add({ ...about, generation, start, end, answer: told });
      session.accessTokens.push({ text: given.accessToken, expiry: told.expiry });
      session.refreshTokens[generation] ??= given.refreshToken;
      return true;
    },

    logout(target, session, back = 0) {
      const token = session.accessTokens.at(-1 - back) ?? session.accessTokens[0];
      const about = { operation: "end", replica: target.name, session: session.id } as const;
      return revocation(about, () => target.logout(token?.text ?? ""));
    },
    revoke(target, session) {
      const about = { operation: "end", replica: target.name, session: session.id } as const;
      return revocation(about, () => target.revoke(session.id));
    },
    revokeUser: (target, user) => endingUser(target, user, false, () => target.revokeUser(user.id)),
    deactivate: (target, user) => endingUser(target, user, true, () => target.deactivate(user.id)),
  };
};
