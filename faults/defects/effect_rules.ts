import { failedCalls } from "../scenarios/effects.js";
import { changeLockedSession, changeStore } from "./changes.js";
import type { Defect } from "./defect.js";

/** Mistakes about calls that failed. */
export const EFFECT_RULES: readonly Defect[] = [
  {
    name: "the grace time runs from a commit whose answer was never sent",
    breaks: ["O3"],
    scenario: failedCalls,
    sabotage: () =>
      changeLockedSession((session) => ({
        ...session,
        refresh: { ...session.refresh, isUnanswered: false },
      })),
  },
  {
    name: "work goes on when its caller has gone, and a login is never withdrawn",
    breaks: ["O3"],
    scenario: failedCalls,
    sabotage: () =>
      changeStore((store) => ({
        rotate: (rotations, liveAt) => store.rotate(rotations, liveAt),
        transaction: (work) =>
          store.transaction((tx) =>
            work({
              ...tx,
              revokeSessions: (revocations) =>
                tx.revokeSessions(
                  revocations.filter(({ reason }) => reason !== "LOGIN_UNANSWERED"),
                ),
            }),
          ),
      })),
  },
];
