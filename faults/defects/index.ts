import { BLIND_TRUST } from "./blind_trust.js";
import type { Defect } from "./defect.js";
import { EFFECT_RULES } from "./effect_rules.js";
import { LATE_ENDINGS } from "./late_revocations.js";
import { LIMIT_RULES } from "./limit_rules.js";
import { OVERLOAD_RULES } from "./overload_rules.js";
import { REFRESH_RULES } from "./refresh_rules.js";
import { SOURCE_RULES } from "./source_rules.js";
import { TIME_RULES } from "./time_rules.js";

/** All planted defects. */
export const DEFECTS: readonly Defect[] = [
  ...LATE_ENDINGS,
  ...BLIND_TRUST,
  ...REFRESH_RULES,
  ...LIMIT_RULES,
  ...TIME_RULES,
  ...EFFECT_RULES,
  ...OVERLOAD_RULES,
  ...SOURCE_RULES,
];
