import type { ValidateTokenRequest } from "../../../generated/curfew/v1/auth_service.js";
import type { ValidSession } from "../valid_session.js";
import type { ValidatorError } from "../validator_error.js";

/** A question about one token, shared by all callers of the same turn. */
export interface Question {
  readonly request: ValidateTokenRequest;
  /** When it has to be answered, on the monotonic clock. */
  readonly deadline: number;
  attempts: number;
  resolve(session: ValidSession): void;
  reject(error: ValidatorError): void;
}

/** The key of a question, so that equal questions can share a call. */
export const questionKey = ({ accessToken, audience, skipActivity }: ValidateTokenRequest) =>
  `${skipActivity ? "-" : "+"}${audience}\n${accessToken}`;

/** Most of one ValidateTokens: contract, section 1. */
const MAX_QUESTIONS = 1000;
const MAX_BYTES = 4 * 1024 * 1024;
/** Tags and lengths of one question. */
const FRAMING_BYTES = 16;

/** Takes as many questions from the front of `waiting` as one call may carry. */
export const takeBatch = (waiting: Question[]): Question[] => {
  let bytes = 0;
  let count = 0;
  for (const { request } of waiting) {
    bytes += Buffer.byteLength(request.accessToken) + Buffer.byteLength(request.audience);
    bytes += FRAMING_BYTES;
    if (count === MAX_QUESTIONS || bytes > MAX_BYTES) break;
    count += 1;
  }
  return waiting.splice(0, count);
};
