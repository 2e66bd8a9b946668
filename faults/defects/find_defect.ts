import type { Defect } from "./defect.js";
import { DEFECTS } from "./index.js";
import { type DoorDefect, OPEN_DOORS } from "./open_doors.js";

const ALL: readonly (Defect | DoorDefect)[] = [...DEFECTS, ...OPEN_DOORS];

/** The planted defect with that text in its name. @throws Error unless there is just one */
export const findDefect = (name: string): Defect | DoorDefect => {
  const found = ALL.filter((defect) => defect.name.includes(name));
  const [defect, another] = found;
  if (defect !== undefined && another === undefined) return defect;
  const names = (found.length === 0 ? ALL : found).map((each) => `\n  ${each.name}`);
  throw new Error(`--defect "${name}" could be ${found.length} defects of:${names.join("")}`);
};
