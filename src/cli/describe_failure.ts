import { CommanderError } from "commander";
import { SettingsError } from "../config/settings_error.js";
import { CurfewError, type Reason } from "../core/errors.js";
import { CommandFailure, EXIT, type ExitCode } from "./command_failure.js";

/** What to tell of work on the database that failed for a reason of the core's. */
const SENTENCES: Partial<Record<Reason, string>> = {
  ALREADY_EXISTS: "There is one of that name already.",
  NOT_FOUND: "There is no such thing.",
  DEPENDENCY_UNAVAILABLE:
    "The database does not answer: check DATABASE_URL, and that it is running.",
};

const causeOf = ({ cause }: CurfewError): string =>
  cause instanceof Error && cause.message !== "" ? ` (${cause.message})` : "";

const describeCurfewError = (error: CurfewError): string => {
  if (error.violations.length > 0) {
    return error.violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  }
  return `${SENTENCES[error.reason] ?? `It failed: ${error.reason}.`}${causeOf(error)}`;
};

/** Whether a database refused a statement, by its SQLSTATE. */
const isStatementError = (error: unknown): error is Error & { readonly code: string } =>
  error instanceof Error &&
  "code" in error &&
  typeof error.code === "string" &&
  /^(?=.*\d)[0-9A-Z]{5}$/.test(error.code);

const LOST = new Set(["ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT"]);

/** Whether a connection was not to be had: to the database, since calls to servers fail as RpcFailure. */
const isLostConnection = (error: unknown): error is Error =>
  error instanceof Error && "code" in error && LOST.has(String(error.code));

/** A failure as the operator sees it. An empty text has been told already. */
export const describeFailure = (error: unknown): { text: string; exitCode: ExitCode } => {
  if (error instanceof CommanderError) {
    return { text: "", exitCode: error.exitCode === 0 ? EXIT.ok : EXIT.usage };
  }
  if (error instanceof SettingsError) return { text: error.message, exitCode: EXIT.usage };
  if (error instanceof CommandFailure) return { text: error.message, exitCode: error.exitCode };
  if (error instanceof CurfewError) {
    return { text: describeCurfewError(error), exitCode: EXIT.failure };
  }
  if (isLostConnection(error)) {
    return {
      text: `${SENTENCES.DEPENDENCY_UNAVAILABLE} (${error.message})`,
      exitCode: EXIT.failure,
    };
  }
  if (isStatementError(error)) {
    // knex puts the statement before the message.
    const message = error.message.split(" - ").at(-1);
    return { text: `The database refused it: ${message} (${error.code}).`, exitCode: EXIT.failure };
  }
  const text = error instanceof Error && error.message !== "" ? error.message : String(error);
  return { text, exitCode: EXIT.failure };
};
