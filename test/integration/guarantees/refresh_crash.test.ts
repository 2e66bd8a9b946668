import { expect, test } from "vitest";
import { unavailable } from "../../../src/core/errors.js";
import type { SessionStore, SessionTransaction } from "../../../src/core/ports/session_store.js";
import type { Ports } from "../../../src/core/use_cases.js";
import {
  type CoreReplica,
  makeUser,
  outcomeOf,
  signIn,
  verdictOf,
} from "../../support/core_replica.js";
import { singleRefreshes } from "../../support/single_refreshes.js";
import { testCall } from "../../support/test_call.js";
import { auditTrail } from "./audit_trail.js";
import { setUpTwoReplicas } from "./two_replicas.js";

/** The statements of a refresh in its transaction, in order. */
const STATEMENTS = ["lockSession", "readUser", "updateSession", "record"] as const;
type Statement = (typeof STATEMENTS)[number];
/** The moment at which the replica dies: Postgres rolls the open transaction back, and the client gets no answer. */
type Moment = `before ${Statement}` | `after ${Statement}` | Commit;
const COMMITS = ["after the commit", "after the commit of a batch"] as const;
type Commit = (typeof COMMITS)[number];
const MOMENTS: readonly Moment[] = [
  ...STATEMENTS.flatMap((statement): Moment[] => [`before ${statement}`, `after ${statement}`]),
  ...COMMITS,
];

const GRACE_MS = 10_000;
const replicas = setUpTwoReplicas({ settings: { graceMs: GRACE_MS } });

/** Dies at the next time that it comes to `moment`, once. */
const mortal = () => {
  let moment: Moment | undefined;
  const pass = (here: Moment): void => {
    if (here !== moment) return;
    moment = undefined;
    throw unavailable("the process has died");
  };
  const isWatched = (name: PropertyKey): name is Statement =>
    STATEMENTS.some((statement) => statement === name);
  const watched = (tx: SessionTransaction): SessionTransaction =>
    new Proxy(tx, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name);
        if (!isWatched(name) || typeof method !== "function") return method;
        return async (...args: unknown[]) => {
          pass(`before ${name}`);
          const result: unknown = await Reflect.apply(method, target, args);
          pass(`after ${name}`);
          return result;
        };
      },
    });
  const wrapStore = (store: SessionStore): SessionStore => ({
    ...store,
    async rotate(rotations, liveAt, call) {
      if (moment !== "after the commit of a batch")
        return singleRefreshes.rotate(rotations, liveAt, call);
      await store.rotate(rotations, liveAt, call);
      pass(moment);
      return [];
    },
    async transaction(work, call) {
      const result = await store.transaction((tx) => work(watched(tx)), call);
      pass("after the commit");
      return result;
    },
  });
  return {
    dieAt(next: Moment): void {
      moment = next;
    },
    hasDied: () => moment === undefined,
    wrapPorts: (ports: Ports): Ports => ({ ...ports, store: wrapStore(ports.store) }),
  };
};

const refresh = (replica: CoreReplica, refreshToken: string) =>
  replica.core.refreshTokens({ refreshToken, ip: "192.0.2.1" });

test.each(MOMENTS)(
  "R6 a replica that dies %s of a refresh ends no session: its client goes on at the first retry",
  async (moment) => {
    const { b } = replicas;
    const life = mortal();
    const dying = await replicas.start({ wrapPorts: life.wrapPorts });
    const { tokens, session } = await signIn(b, (await makeUser(b)).username);
    life.dieAt(moment);
    expect(await outcomeOf(refresh(dying, tokens.refreshToken))).toBe("DEPENDENCY_UNAVAILABLE");
    expect(life.hasDied()).toBe(true);

    const retried = await refresh(b, tokens.refreshToken);
    expect(await verdictOf(b, retried.tokens.accessToken)).toBe("valid");
    expect((await b.ports.store.get(session.id))?.refresh.generation).toBe(2);
    const { tokens: later } = await refresh(b, retried.tokens.refreshToken);
    expect(await verdictOf(b, later.accessToken)).toBe("valid");
    const events = await auditTrail(b, { session_id: session.id, type: "REFRESH_REUSED" });
    expect(events).toEqual([]);
  },
);

test.each(COMMITS)(
  "R6 O3 a replica that dies %s and before the answer ends no session, however late the client repeats",
  async (moment) => {
    const { b } = replicas;
    const life = mortal();
    const dying = await replicas.start({ wrapPorts: life.wrapPorts });
    const { tokens, session } = await signIn(b, (await makeUser(b)).username);
    life.dieAt(moment);
    const call = testCall();
    const lost = dying.core.refreshTokens({ refreshToken: tokens.refreshToken, ip: "" }, call);
    expect(await outcomeOf(lost)).toBe("DEPENDENCY_UNAVAILABLE");
    await dying.kill();
    replicas.advance(10 * GRACE_MS);

    const retried = await refresh(b, tokens.refreshToken);
    expect((await b.ports.store.get(session.id))?.refresh.generation).toBe(2);
    await refresh(b, retried.tokens.refreshToken);
    const events = await auditTrail(b, { session_id: session.id, type: "REFRESH_REUSED" });
    expect(events).toEqual([]);
  },
);
