import { status } from "@grpc/grpc-js";
import { CommanderError } from "commander";
import { SettingsError } from "../config/settings_error.js";
import { CurfewError, type Reason } from "../core/errors.js";
import { CommandFailure, EXIT, type ExitCode } from "./command_failure.js";
import { RpcFailure } from "./rpc/rpc_failure.js";

/** A failure as the operator sees it. */
export interface FailureDescription {
  /** The text for people. Empty if the command has already printed the failure. */
  readonly text: string;
  readonly exitCode: ExitCode;
  /** For programs: the reason of the ErrorInfo, a gRPC code, or one of this program's own. */
  readonly reason: string;
  /** Each of several problems, where there are several. */
  readonly problems?: readonly string[] | undefined;
}

/** What to tell of work on the database that failed for a reason of the core's. */
const SENTENCES: Partial<Record<Reason, string>> = {
  ALREADY_EXISTS: "There is one of that name already.",
  NOT_FOUND: "There is no such thing.",
  DEPENDENCY_UNAVAILABLE:
    "The database does not answer: check DATABASE_URL, and that it is running.",
};

const causeOf = ({ cause }: CurfewError): string =>
  cause instanceof Error && cause.message !== "" ? ` (${cause.message})` : "";

const violationsOf = ({ violations }: CurfewError): readonly string[] =>
  violations.map(({ field, description }) => `${field}: ${description}`);

const describeCurfewError = (error: CurfewError): FailureDescription => {
  const problems = violationsOf(error);
  const sentence = `${SENTENCES[error.reason] ?? `It failed: ${error.reason}.`}${causeOf(error)}`;
  return {
    text: problems.length > 0 ? problems.join("; ") : sentence,
    exitCode: EXIT.failure,
    reason: error.reason,
    problems: problems.length > 0 ? problems : undefined,
  };
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

/** What commander says on up to two lines, on one, with where to read on. */
const describeUsage = (
  { code, message, exitCode }: CommanderError,
  json: boolean,
): FailureDescription => {
  if (exitCode === 0) return { text: "", exitCode: EXIT.ok, reason: "" };
  // The help of a group that was called without a command is printed already, for people.
  if (code === "commander.help") {
    const text = json ? "This is a group of commands: name one of them (--help lists them)" : "";
    return { text, exitCode: EXIT.usage, reason: "USAGE" };
  }
  const sentence = message
    .trim()
    .replace(/^error: /, "")
    .replaceAll(/\n(?=\()/g, " ")
    .replaceAll(/'(--?[\w-]+)=.*?'/gs, "'$1'");
  const text = `${sentence} (--help says what it takes)`;
  return { text, exitCode: EXIT.usage, reason: "USAGE" };
};

const describeCommandFailure = (error: CommandFailure): FailureDescription => {
  const { message: text, exitCode } = error;
  if (error instanceof RpcFailure) {
    return { text, exitCode, reason: error.reason ?? status[error.code] };
  }
  return { text, exitCode, reason: exitCode === EXIT.usage ? "USAGE" : "FAILED" };
};

/**
 * Says what went wrong, in a sentence for people and in words for programs.
 *
 * @param json whether the output is JSON, so that nothing has been printed for people yet
 */
export const describeFailure = (error: unknown, json: boolean): FailureDescription => {
  if (error instanceof CommanderError) return describeUsage(error, json);
  if (error instanceof SettingsError) {
    const { message: text, problems } = error;
    return { text, exitCode: EXIT.usage, reason: "SETTINGS_INVALID", problems };
  }
  if (error instanceof CommandFailure) return describeCommandFailure(error);
  if (error instanceof CurfewError) return describeCurfewError(error);
  const exitCode = EXIT.failure;
  if (isLostConnection(error)) {
    const text = `${SENTENCES.DEPENDENCY_UNAVAILABLE} (${error.message})`;
    return { text, exitCode, reason: "DEPENDENCY_UNAVAILABLE" };
  }
  if (isStatementError(error)) {
    // knex puts the statement before the message.
    const message = error.message.split(" - ").at(-1);
    const text = `The database refused it: ${message} (${error.code}).`;
    return { text, exitCode, reason: "DATABASE_REFUSED" };
  }
  const text = error instanceof Error && error.message !== "" ? error.message : String(error);
  return { text, exitCode, reason: "FAILED" };
};
