import type { Scenario } from "../scenarios/scenario.js";
import type { Sabotage } from "../world/world.js";

/** A plausible mistake, planted by wrapping ports or use cases of replicas in the test's process. */
export interface Defect {
  readonly name: string;
  /** Guarantees of which at least one is seen to break. */
  readonly breaks: readonly string[];
  readonly scenario: Scenario;
  /** Made anew for every world. */
  sabotage(): Sabotage;
}
