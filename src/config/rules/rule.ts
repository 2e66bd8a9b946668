import type { Draft } from "../draft.js";

/** Checks settings together. Returns each problem together with its solution. */
export type Rule = (draft: Draft) => readonly string[];

/** A rule with one problem, there when `holds` says so. */
export const problemWhen =
  (isWrong: (draft: Draft) => boolean, problem: string | ((draft: Draft) => string)): Rule =>
  (draft) =>
    isWrong(draft) ? [typeof problem === "string" ? problem : problem(draft)] : [];
