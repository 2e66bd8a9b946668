import type { Reason } from "../../../../src/core/errors.js";
import type { Question } from "./question.js";
import type { Stage } from "./stage.js";

/** One question that both transports have to answer alike. */
export interface Case {
  readonly name: string;
  /** The expected outcome. */
  readonly outcome: "OK" | Reason;
  readonly ask: (stage: Stage) => Question | Promise<Question>;
  /**
   * Both transports get the same question, and the answers are equal but for these members. Absent: each gets its own
   * subject, and the answers are of one kind.
   */
  readonly equalBut?: readonly string[];
}

/** Members that each use of a session moves on. */
const MOVED_BY_USE = ["last_activity_at", "last_activity", "idle_expires_at"];

/** A question that changes nothing. */
export const reads = (name: string, outcome: Case["outcome"], ask: Case["ask"]): Case => ({
  name,
  outcome,
  ask,
  equalBut: MOVED_BY_USE,
});

/** A question that changes its subject: each transport gets its own subject. */
export const changes = (name: string, outcome: Case["outcome"], ask: Case["ask"]): Case => ({
  name,
  outcome,
  ask,
});
