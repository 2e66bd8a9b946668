import { type ServiceError, status } from "@grpc/grpc-js";
import { CommandFailure } from "../command_failure.js";
import { printable } from "../output/printable.js";
import { type ErrorDetails, readErrorDetails } from "./error_details.js";

/** A call that a server refused or that did not reach one. */
export class RpcFailure extends CommandFailure {
  constructor(
    message: string,
    /** Code of the gRPC status. */
    readonly code: status,
    /** Reason of the ErrorInfo that Curfew sent; none when nothing answered, or something else. */
    readonly reason: string | undefined,
    cause: ServiceError,
  ) {
    super(message, undefined, { cause });
  }
}

const HOW_TO_SIGN_IN =
  "pass --token or set CURFEW_TOKEN (an administrator's access token, or a service key from `curfew services create NAME --scope admin`), or sign in with --username NAME.";

/** What stopped the last attempt to connect, without grpc-js's account of it. */
const lastError = (details: string): string =>
  /^.*Last error: (?:Error: )?(.*?)(?:\. Resolution note.*)?$/s.exec(details)?.[1] ?? details;

const unreachable = (target: string, said: string): string => {
  const details = lastError(said);
  if (/wrong.version.number|packet length too long/i.test(details)) {
    return `The server at ${target} does not speak TLS: leave out --tls and --tls-ca.`;
  }
  if (/certificate|self.signed|altname/i.test(details)) {
    return `The certificate of ${target} was not accepted (${details}): name its authority with --tls-ca FILE.`;
  }
  if (/^(protocol error|failed to connect) \(/i.test(details)) {
    return `What listens at ${target} does not speak gRPC in clear: is that the port of gRPC (50051, unless GRPC_PORT says otherwise)? If it speaks TLS, add --tls or --tls-ca FILE.`;
  }
  return `Cannot reach Curfew at ${target} (${details}). Is it running there? Start it with \`curfew serve\`, name another server with --target HOST:PORT, or add --tls if it speaks TLS.`;
};

const unauthenticated = ({ reason, message }: ErrorDetails, details: string): string =>
  reason === "CREDENTIALS_MISSING" || reason === undefined
    ? `This needs a credential: ${HOW_TO_SIGN_IN}`
    : reason === "INVALID_CREDENTIALS"
      ? (message ?? details)
      : `The credential was refused: ${message ?? details} (${reason}). Get another: ${HOW_TO_SIGN_IN}`;

/** The subject of the failure as the server reports it: ` (session_id: …)`, or an empty text. */
const about = ({ metadata }: ErrorDetails): string => {
  const facts = Object.entries(metadata).map(([name, value]) => `${name}: ${printable(value)}`);
  return facts.length === 0 ? "" : ` (${facts.join(", ")})`;
};

/** A server's text, ended so that another sentence may follow. */
const sentence = (text: string): string => (/[.!?。۔؟]$/u.test(text) ? text : `${text}.`);

const explain = (error: ServiceError, known: ErrorDetails, target: string): string => {
  const text = known.message ?? error.details;
  switch (error.code) {
    case status.UNAVAILABLE:
      return known.reason === undefined
        ? unreachable(target, error.details)
        : `${sentence(text)} Curfew at ${target} does not reach a store it needs: try again, and see its log.`;
    case status.UNAUTHENTICATED:
      return unauthenticated(known, error.details);
    case status.PERMISSION_DENIED:
      return `${sentence(text)} It takes a user with the role \`admin\`, or a service key with the scope \`admin\`.`;
    case status.INVALID_ARGUMENT:
      return known.violations.length > 0
        ? `${known.violations.map(({ field, description }) => `${field}: ${description}`).join("; ")}`
        : text;
    case status.DEADLINE_EXCEEDED:
      return `Curfew at ${target} did not answer in time. Try again, or give it longer with --timeout SECONDS.`;
    case status.UNIMPLEMENTED:
      return `The server at ${target} does not have this call: is it Curfew, and as new as this program?`;
    case status.INTERNAL:
      return `Curfew at ${target} failed: ${sentence(text)} See its log.`;
    default:
      return text + about(known);
  }
};

/** Says in a sentence what went wrong with a call to `target`, and what to do. */
export const rpcFailure = (error: ServiceError, target: string): RpcFailure => {
  const known = readErrorDetails(error.metadata);
  return new RpcFailure(explain(error, known, target), error.code, known.reason, error);
};
