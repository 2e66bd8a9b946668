import { STATUS_CODES } from "node:http";
import type { ValidatorError } from "../validator_error.js";

/** The parts of an HTTP response for a refusal. */
export interface ProblemAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** RFC 9457, with Curfew's `code`. */
  readonly body: string;
}

const CHALLENGE = 'Bearer realm="curfew"';

/** Challenges of RFC 9110 section 11.6.1 and RFC 6750 section 3. */
const challengeOf = ({ status, reason }: ValidatorError): string | undefined => {
  if (status === 403) return `${CHALLENGE}, error="insufficient_scope"`;
  if (status !== 401) return undefined;
  return reason === "CREDENTIALS_MISSING" ? CHALLENGE : `${CHALLENGE}, error="invalid_token"`;
};

/** The body of a refusal, as Curfew's own REST answers it. */
export const problemBody = ({ status, message, reason, metadata }: ValidatorError) => ({
  type: "about:blank",
  title: STATUS_CODES[status] ?? "Error",
  status,
  detail: message,
  code: reason.toLowerCase(),
  ...(Object.keys(metadata).length > 0 && { metadata }),
});

/** A refusal as `application/problem+json`. */
export const problemAnswer = (error: ValidatorError): ProblemAnswer => {
  const challenge = challengeOf(error);
  return {
    status: error.status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...(challenge !== undefined && { "www-authenticate": challenge }),
      ...(error.retryAfter !== undefined && {
        "retry-after": String(Math.max(1, Math.ceil(error.retryAfter))),
      }),
    },
    body: JSON.stringify(problemBody(error)),
  };
};
