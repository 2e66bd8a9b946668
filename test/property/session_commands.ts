import fc from "fast-check";
import { expect } from "vitest";
import type { LoginOutput } from "../../src/core/login/login.js";
import {
  type CoreReplica,
  outcomeOf,
  signIn,
  signOut,
  verdictOf,
} from "../support/core_replica.js";
import type { ModelSession, ModelToken, SessionModel } from "./session_model.js";

/** The model, and the tokens and ids that the test needs for each session. */
export interface Modelled {
  readonly model: SessionModel;
  readonly known: KnownSession[];
}

interface KnownSession {
  readonly id: string;
  readonly session: ModelSession;
  readonly accessTokens: { readonly text: string; readonly model: ModelToken }[];
  /** By generation, from 1 on. */
  readonly refreshTokens: string[];
}

/** The service: replicas on the same stores, whose time the test moves. */
export interface Serviced {
  readonly replicas: readonly CoreReplica[];
  readonly userId: string;
  readonly username: string;
  setTime(now: number): void;
  flushRedis(): Promise<unknown>;
}

type Command = fc.AsyncCommand<Modelled, Serviced>;

/** `pick` chooses among what there is when the command runs, from the newest on. */
const chosen = <T>(all: readonly T[], pick: number): T => {
  const one = all.at(-1 - (pick % all.length));
  if (one === undefined) throw new Error("A command ran without anything to choose from.");
  return one;
};

const always = () => true;
const withSessions = ({ known }: Readonly<Modelled>) => known.length > 0;

const command = (
  name: string,
  check: (model: Readonly<Modelled>) => boolean,
  run: (model: Modelled, real: Serviced) => Promise<unknown>,
): Command => ({
  check,
  run: async (model, real) => {
    await run(model, real);
  },
  toString: () => name,
});

const login = (replica: number): Command =>
  command(`login(${replica})`, always, async ({ model, known }, real) => {
    const { token, evicted } = model.login();
    const output: LoginOutput = await signIn(chosen(real.replicas, replica), real.username);
    const evictedIds = known.filter(({ session }) => evicted.includes(session)).map(({ id }) => id);
    expect(output.evicted.map(({ id }) => id).sort()).toEqual(evictedIds.sort());
    known.push({
      id: output.session.id,
      session: token.session,
      accessTokens: [{ text: output.tokens.accessToken, model: token }],
      refreshTokens: [output.tokens.refreshToken],
    });
  });

const validate = (replica: number, session: number, token: number): Command =>
  command(`validate(${replica}, ${session}, ${token})`, withSessions, async (m, real) => {
    const { text, model } = chosen(chosen(m.known, session).accessTokens, token);
    const verdict = m.model.validate(model);
    expect(await verdictOf(chosen(real.replicas, replica), text)).toBe(verdict);
  });

const refresh = (replica: number, session: number, age: number): Command =>
  command(`refresh(${replica}, ${session}, ${age})`, withSessions, async (m, real) => {
    const one = chosen(m.known, session);
    const generation = Math.max(1, one.refreshTokens.length - age);
    const expected = m.model.refresh(one.session, generation);
    const refreshToken = one.refreshTokens[generation - 1] ?? "";
    const call = chosen(real.replicas, replica).core.refreshTokens({ refreshToken, ip: "" });
    if (typeof expected === "string") {
      expect(await outcomeOf(call)).toBe(expected);
      return;
    }
    const { tokens } = await call;
    one.accessTokens.push({ text: tokens.accessToken, model: expected });
    // The same successor whenever there is one already.
    const known = one.refreshTokens[generation];
    if (known === undefined) one.refreshTokens.push(tokens.refreshToken);
    else expect(tokens.refreshToken).toBe(known);
  });

const logout = (replica: number, session: number, token: number): Command =>
  command(`logout(${replica}, ${session}, ${token})`, withSessions, async (m, real) => {
    const one = chosen(m.known, session);
    m.model.end(one.session);
    await signOut(chosen(real.replicas, replica), chosen(one.accessTokens, token).text);
  });

const revoke = (replica: number, session: number): Command =>
  command(`revoke(${replica}, ${session})`, withSessions, async (m, real) => {
    const one = chosen(m.known, session);
    m.model.end(one.session);
    const { core } = chosen(real.replicas, replica);
    await core.end.one(one.id, { reason: "ADMIN", by: "service:test" });
  });

const revokeAll = (replica: number): Command =>
  command(`revokeAll(${replica})`, always, async ({ model }, real) => {
    model.endAll();
    const { core } = chosen(real.replicas, replica);
    await core.end.ofUser(real.userId, undefined, { reason: "ADMIN", by: "service:test" });
  });

const advance = (ms: number): Command =>
  command(`advance(${ms})`, always, async ({ model }, real) => {
    // Activity is flushed far more often than anything times out.
    for (const { core } of real.replicas) await core.activity.flush();
    model.advance(ms);
    real.setTime(model.now());
  });

const flushRedis = (): Command =>
  command("flushRedis()", always, async (_model, real) => {
    for (const { core } of real.replicas) await core.activity.flush();
    await real.flushRedis();
  });

const replica = fc.nat({ max: 1 });
const recent = fc.constantFrom(0, 0, 0, 0, 0, 1, 1, 2, 4);
const age = fc.constantFrom(0, 0, 1, 1, 1, 2, 3);

/** Any command; revocations are rare, so that there is something to end. */
export const anyCommand = (times: readonly number[]): fc.Arbitrary<Command> =>
  fc.oneof(
    { weight: 5, arbitrary: replica.map(login) },
    { weight: 20, arbitrary: fc.tuple(replica, recent, recent).map((of) => validate(...of)) },
    { weight: 40, arbitrary: fc.tuple(replica, recent, age).map((of) => refresh(...of)) },
    { weight: 25, arbitrary: fc.constantFrom(...times).map(advance) },
    { weight: 6, arbitrary: fc.constant(flushRedis()) },
    { weight: 2, arbitrary: fc.tuple(replica, recent, recent).map((of) => logout(...of)) },
    { weight: 2, arbitrary: fc.tuple(replica, recent).map((of) => revoke(...of)) },
    { weight: 1, arbitrary: replica.map(revokeAll) },
  );
