import { Counter, type Registry } from "prom-client";

/** Counts a call or a connection that a limit refused: by which kind of limit, and which one. */
export type CountRefusal = (by: string, limit: string) => void;

/** Refusals by the kind of the limit (`bound`, `budget`, `queue`) and its name. */
export const refusalMetrics = (registry: Registry): CountRefusal => {
  const refusals = new Counter({
    name: "curfew_refusals_total",
    help: "Calls and connections refused by a limit: by the bound of a request, a budget of callers, or a full queue.",
    labelNames: ["by", "limit"],
    registers: [registry],
  });
  return (by, limit) => refusals.inc({ by, limit });
};
