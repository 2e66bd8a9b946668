import type { Call } from "../history/call.js";

/** A guarantee that a history breaks. */
export interface Violation {
  /** Its id in the list of guarantees, such as L1. */
  readonly guarantee: string;
  readonly what: string;
  /** The calls that show it. */
  readonly calls: readonly Call[];
}

/** Words for people who look into it. */
export const describeViolation = ({ guarantee, what, calls }: Violation): string =>
  [`${guarantee} ${what}`, ...calls.map((call) => `    ${describeCall(call)}`)].join("\n");

const describeCall = ({ start, end, answer, replica, ...about }: Call): string => {
  const time = `${start.toFixed(3)}-${end.toFixed(3)} ms`;
  const text = JSON.stringify({ ...about, answer }, (_key, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
  return `${time} ${replica} ${text}`;
};
