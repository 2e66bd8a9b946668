// curfew/validator: is this token good right now? For Node backends. Depends on
// nothing of the server: generated/, @grpc/grpc-js, jose and Node.
export { createValidator } from "./create_validator.js";
export { ERROR_REASONS, type ErrorReason } from "./error_reason.js";
export type { SessionGuard } from "./session_guard.js";
export type { ValidSession } from "./valid_session.js";
export type { ValidateOptions, Validator, ValidatorState } from "./validator.js";
export { ValidatorError, type ValidatorErrorDetails } from "./validator_error.js";
export type { TlsOptions, ValidatorOptions } from "./validator_options.js";
