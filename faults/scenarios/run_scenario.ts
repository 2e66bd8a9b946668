import type { Violation } from "../checker/violation.js";
import { createWorld, type Sabotage, type WorldOptions } from "../world/world.js";
import type { Scenario } from "./scenario.js";

export interface ScenarioRun extends Pick<WorldOptions, "databases" | "random"> {
  readonly scenario: Scenario;
  readonly rounds: number;
  readonly sabotage?: Sabotage;
}

export interface ScenarioResult {
  readonly violations: readonly Violation[];
  readonly calls: number;
  /** Rounds begun. */
  readonly rounds: number;
}

/** Runs rounds of a scenario in a world of its own until something is found, or all are done. */
export const runScenario = async (run: ScenarioRun): Promise<ScenarioResult> => {
  const { scenario, rounds, sabotage, databases, random } = run;
  const world = await createWorld({
    databases,
    random,
    ...scenario.world,
    ...(sabotage && { sabotage }),
  });
  try {
    let violations: readonly Violation[] = [];
    let begun = 0;
    while (begun < rounds && violations.length === 0) {
      begun += 1;
      const seen: Violation[] = [];
      try {
        await scenario.run(world, (violation) => seen.push(violation));
      } catch (failure) {
        // A broken system may also never finish; its answers until then show why.
        violations = [...(await world.verdict()), neverDone(failure)];
        break;
      }
      violations = [...seen, ...(await world.verdict())];
    }
    return { violations, calls: world.recorder.calls().length, rounds: begun };
  } finally {
    await world.close();
  }
};

/** A scenario that waits in vain for a system to recover reports that failure too. */
const neverDone = (failure: unknown): Violation => ({
  guarantee: "L4 unfinished",
  what: failure instanceof Error ? failure.message : String(failure),
  calls: [],
});
