import { idleness, skewedClocks } from "../scenarios/time.js";
import type { Defect } from "./defect.js";

/** Mistakes about time and activity. */
export const TIME_RULES: readonly Defect[] = [
  {
    name: "activity lives in Redis alone",
    breaks: ["A2"],
    scenario: idleness,
    sabotage: () => ({
      ports: (ports) => ({
        ...ports,
        store: {
          ...ports.store,
          touch: async (activity) => activity.map(({ sessionId }) => sessionId),
        },
      }),
    }),
  },
  {
    name: "idleness is never looked at",
    breaks: ["A2"],
    scenario: idleness,
    sabotage: () => ({
      core: (core, { ports }) => ({
        ...core,
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
      }),
    }),
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
        store: {
          ...ports.store,
          touch: async (activity) => activity.map(({ sessionId }) => sessionId),
        },
      }),
    }),
  },
  {
    name: "activity is written to Postgres on the path of each call",
    breaks: ["A3"],
    scenario: idleness,
    sabotage: () => ({
      ports: (ports) => ({
        ...ports,
        hot: {
          ...ports.hot,
          async check(ask, lease) {
            await ports.store.touch([{ sessionId: ask.sessionId, at: ask.touchAt }]);
            return ports.hot.check(ask, lease);
          },
        },
      }),
    }),
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
