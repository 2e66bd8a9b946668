import { failedCalls } from "./effects.js";
import {
  deactivation,
  evictingLimit,
  loginsInAnOutage,
  refusedLogins,
  rejectingLimit,
  timedOutSessions,
} from "./limit.js";
import { overload } from "./overload.js";
import { refreshing } from "./refresh.js";
import { revocation } from "./revocation.js";
import type { Scenario } from "./scenario.js";
import { oneSource } from "./sources.js";
import {
  allCutOff,
  oneCutOff,
  postgresDown,
  redisDown,
  restoredSnapshot,
  rolledBack,
  suspendedMachine,
} from "./store_trouble.js";
import { idleness, skewedClocks } from "./time.js";

/** All that are run against the honest system and the planted defects. */
export const SCENARIOS: readonly Scenario[] = [
  revocation,
  redisDown,
  postgresDown,
  oneCutOff,
  allCutOff,
  rolledBack,
  restoredSnapshot,
  suspendedMachine,
  refreshing,
  evictingLimit,
  rejectingLimit,
  refusedLogins,
  loginsInAnOutage,
  timedOutSessions,
  deactivation,
  failedCalls,
  idleness,
  skewedClocks,
  overload,
  oneSource,
];
