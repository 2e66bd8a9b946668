import type { Draft } from "../draft.js";
import { problemWhen, type Rule } from "./rule.js";

const PAIRS = [
  ["tlsCertFile", "TLS_CERT_FILE", "tlsKeyFile", "TLS_KEY_FILE"],
  [
    "bootstrapAdminUsername",
    "BOOTSTRAP_ADMIN_USERNAME",
    "bootstrapAdminPassword",
    "BOOTSTRAP_ADMIN_PASSWORD",
  ],
] as const;

/** Settings that mean nothing alone. */
export const pairsComplete: Rule = ({ isGiven }) =>
  PAIRS.flatMap(([first, firstName, second, secondName]) => {
    if (isGiven(first) === isGiven(second)) return [];
    const [there, missing] = isGiven(first) ? [firstName, secondName] : [secondName, firstName];
    return [`${there} is set without ${missing}: set both or neither.`];
  });

/** Client certificates need TLS and an authority that issued them. */
export const mutualTls: Rule = ({ values, isGiven }) => {
  const needs = values.serviceAuth === "mtls" ? "SERVICE_AUTH=mtls" : undefined;
  const subject = needs ?? (isGiven("tlsClientCaFile") ? "TLS_CLIENT_CA_FILE" : undefined);
  if (subject === undefined) return [];
  const problems: string[] = [];
  if (!isGiven("tlsClientCaFile")) {
    problems.push(`${subject} needs TLS_CLIENT_CA_FILE: the authority of the client certificates.`);
  }
  if (!isGiven("tlsCertFile") && !isGiven("tlsKeyFile")) {
    problems.push(`${subject} needs TLS_CERT_FILE and TLS_KEY_FILE: the server's own certificate.`);
  }
  return problems;
};

/** Tokens must say who made them. */
export const issuerInProduction: Rule = problemWhen(
  ({ production, isGiven }) => production && !isGiven("jwtIssuer"),
  "JWT_ISSUER is required in production: set it to the URL or name that your services expect as `iss`.",
);

const keysInClear = ({ isGiven }: Draft): boolean =>
  !isGiven("keyEncryptionKey") && !isGiven("jwtKeysDir");

/** No usable secret in the database. */
export const keysEncryptedInProduction: Rule = problemWhen(
  (draft) => draft.production && keysInClear(draft),
  "KEY_ENCRYPTION_KEY is required in production: make one with `openssl rand -base64 32` and keep it safe (or bring key files with JWT_KEYS_DIR).",
);

/** Fit for development, and worth saying. */
export const keysInClearWarning: Rule = problemWhen(
  (draft) => !draft.production && keysInClear(draft),
  "KEY_ENCRYPTION_KEY is not set: private keys are stored in clear. Fit for development only.",
);

const shortBootstrapPassword = ({ values }: Draft): boolean =>
  values.bootstrapAdminPassword !== undefined &&
  values.passwordMinLength !== undefined &&
  [...values.bootstrapAdminPassword].length < values.passwordMinLength;

const shortPassword = ({ values }: Draft): string =>
  `BOOTSTRAP_ADMIN_PASSWORD is shorter than PASSWORD_MIN_LENGTH (${values.passwordMinLength} characters): choose a longer one.`;

export const bootstrapPasswordLength: Rule = problemWhen(
  (draft) => draft.production && shortBootstrapPassword(draft),
  shortPassword,
);

export const bootstrapPasswordWarning: Rule = problemWhen(
  (draft) => !draft.production && shortBootstrapPassword(draft),
  shortPassword,
);
