import { createHash } from "node:crypto";
import type { LoginThrottle } from "../../src/core/ports/login_throttle.js";
import { oneSource } from "../scenarios/sources.js";
import type { Sabotage } from "../world/world.js";
import type { Defect } from "./defect.js";

const changeReserve = (
  change: (reserve: LoginThrottle["reserve"]) => LoginThrottle["reserve"],
): Sabotage => ({
  ports: (ports) => ({
    ...ports,
    throttle: { ...ports.throttle, reserve: change(ports.throttle.reserve) },
  }),
});

/** An IPv4 address of its own for each text. */
const ownAddress = (text: string): string =>
  ["10", ...createHash("sha256").update(text).digest().subarray(0, 3)].join(".");

/** Mistakes in what counts as one source, and in what a source over its limit may still use. */
export const SOURCE_RULES: readonly Defect[] = [
  {
    name: "each address of an IPv6 network counts by itself",
    breaks: ["D9"],
    scenario: oneSource,
    sabotage: () => changeReserve((reserve) => (name, ip) => reserve(name, ownAddress(ip))),
  },
  {
    name: "a source over its limit is refused after its password was checked",
    breaks: ["D10"],
    scenario: oneSource,
    sabotage: () =>
      changeReserve((reserve) => async (name, ip) => {
        const admission = await reserve(name, ip);
        if (admission.kind !== "source_refused") return admission;
        const { refusal } = admission;
        const late = await reserve(name, ownAddress(name));
        return late.kind === "source_refused"
          ? late
          : { kind: "account_refused", reservation: late.reservation, refusal };
      }),
  },
  {
    name: "all callers count as one source, as behind a proxy that is not known",
    breaks: ["D10"],
    scenario: oneSource,
    sabotage: () => changeReserve((reserve) => (name) => reserve(name, "10.0.0.1")),
  },
];
