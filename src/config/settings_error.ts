/** Settings that a process cannot start with. Its message lists every problem, one a line. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";

  constructor(
    /** Each problem and its solution, in one or two sentences. */
    readonly problems: readonly string[],
  ) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    super(
      `Curfew cannot start: ${count} in its settings.\n${problems.map((line) => `  - ${line}`).join("\n")}`,
    );
  }
}
