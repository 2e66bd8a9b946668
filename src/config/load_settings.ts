import { type Draft, draftSettings } from "./draft.js";
import { misspellingWarnings } from "./misspelling.js";
import { isLoopback } from "./network_values.js";
import { RULES, WARNINGS } from "./rules/index.js";
import type { Environment } from "./setting.js";
import type { GivenSettings, Purpose, Settings } from "./settings.js";
import { SettingsError } from "./settings_error.js";

/** The same whatever the ports: replicas on one machine take each other's tokens. */
const DEVELOPMENT_ISSUER = "http://localhost:8000";

/** Whether every setting could be read. */
const isComplete = (draft: Draft): draft is Draft & { readonly values: GivenSettings } =>
  draft.problems.length === 0;

/**
 * The settings that an environment says, for a purpose.
 *
 * Throws a SettingsError that lists every problem when one of them is wrong or
 * unsafe. Nothing of a secret is in its message.
 */
export const loadSettings = (environment: Environment, purpose: Purpose = "serve"): Settings => {
  const draft = draftSettings(environment);
  const together = RULES[purpose].flatMap((rule) => rule(draft));
  if (!isComplete(draft) || together.length > 0) {
    throw new SettingsError([...draft.problems, ...together]);
  }
  const { values, production } = draft;
  const open = !production && isLoopback(values.host);
  return Object.freeze({
    ...values,
    // A default gives way to a shorter lifetime that was asked for.
    idleTimeoutMs: Math.min(values.idleTimeoutMs, values.maxLifetimeMs),
    accessTokenLifetimeMs: Math.min(values.accessTokenLifetimeMs, values.maxLifetimeMs),
    jwtAlgorithmIsGiven: draft.isGiven("jwtAlgorithm"),
    jwtIssuer: values.jwtIssuer ?? DEVELOPMENT_ISSUER,
    serviceAuth: values.serviceAuth ?? (open ? "none" : "key"),
    production,
    embedded: values.databaseUrl === undefined,
    warnings: [
      ...WARNINGS[purpose].flatMap((rule) => rule(draft)),
      ...misspellingWarnings(environment),
    ],
  });
};
