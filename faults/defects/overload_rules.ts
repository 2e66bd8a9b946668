import { unavailable } from "../../src/core/errors.js";
import { singleRefreshes } from "../../test/support/single_refreshes.js";
import { overload } from "../scenarios/overload.js";
import type { Defect } from "./defect.js";

/** As many as a replica of the harness has. */
const CONNECTIONS = 8;

/** Mistakes that take a busy store for a broken one, or let one kind of work delay another. */
export const OVERLOAD_RULES: readonly Defect[] = [
  {
    name: "a pool whose connections are all lent counts as an outage",
    breaks: ["O1"],
    scenario: overload,
    sabotage: () => ({
      ports: (ports) => ({
        ...ports,
        forWork: (work) => {
          const primary = ports.forWork?.(work) ?? ports;
          const { transaction } = primary.store;
          let underWay = 0;
          const impatient: typeof transaction = async (act, call) => {
            if (underWay >= CONNECTIONS) throw unavailable("no connection is free");
            underWay += 1;
            try {
              return await transaction(act, call);
            } finally {
              underWay -= 1;
            }
          };
          const store = { ...primary.store, ...singleRefreshes, transaction: impatient };
          return { ...primary, store };
        },
      }),
    }),
  },
  {
    name: "one queue for all: validations wait behind refreshes",
    breaks: ["O2"],
    scenario: overload,
    sabotage: () => ({
      ports: (ports) => ({
        ...ports,
        forWork: (work) => {
          const primary = ports.forWork?.(work === "validation" ? "sign_in" : work) ?? ports;
          // Refreshes that share a transaction leave no queue.
          return { ...primary, store: { ...primary.store, ...singleRefreshes } };
        },
      }),
    }),
  },
];
