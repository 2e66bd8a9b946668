import type { SessionStore } from "../../src/core/ports/session_store.js";
import { idleness, skewedClocks } from "../scenarios/time.js";
import { changeCore, changeHot, changeStore } from "./changes.js";
import type { Defect } from "./defect.js";

/** Says that activity was written and writes none. */
const touchNothing: SessionStore["touch"] = async (activity) =>
  activity.map(({ sessionId }) => sessionId);

/** Mistakes about time and activity. */
export const TIME_RULES: readonly Defect[] = [
  {
    name: "activity lives in Redis alone",
    breaks: ["A2"],
    scenario: idleness,
    sabotage: () => changeStore(() => ({ touch: touchNothing })),
  },
  {
    name: "idleness is never looked at",
    breaks: ["A2"],
    scenario: idleness,
    sabotage: () =>
      changeCore((core, { ports }) => ({
        async validateToken(input) {
          try {
            return await core.validateToken(input);
          } catch (failure) {
            const claims = await ports.verifier.verify(input.accessToken);
            if (claims === undefined) throw failure;
            const session = await ports.store.get(claims.sid);
            if (session?.end?.reason !== "IDLE_TIMEOUT") throw failure;
            return {
              claims,
              session: { ...session, sessionId: session.id, username: "", roles: [] },
            };
          }
        },
      })),
  },
  {
    name: "idleness is judged by the last refresh, not the last use",
    breaks: ["A2"],
    scenario: idleness,
    sabotage: () => ({
      ports: (ports) => ({
        ...ports,
        hot: {
          ...ports.hot,
          check: (ask, lease) => ports.hot.check({ ...ask, touchAt: 0 }, lease),
        },
        store: { ...ports.store, touch: touchNothing },
      }),
    }),
  },
  {
    name: "activity is written to Postgres on the path of each call",
    breaks: ["A3"],
    scenario: idleness,
    sabotage: () =>
      changeHot((hot, { store }) => ({
        async check(ask, lease) {
          await store.touch([{ sessionId: ask.sessionId, at: ask.touchAt }]);
          return hot.check(ask, lease);
        },
      })),
  },
  {
    name: "each replica goes by its own wall clock",
    breaks: ["R7 A2", "A2"],
    scenario: skewedClocks,
    sabotage: () => ({
      ports: (ports) => ({
        ...ports,
        clock: { ...ports.clock, synchronise: () => undefined },
      }),
    }),
  },
];
