// curfew/client: the session in a browser (or in Node). Depends on nothing but
// web standards: fetch, and where they exist Web Locks, BroadcastChannel, storage.
export type { ApiRequestInit } from "./api_request.js";
export type { SessionMode } from "./credentials.js";
export type { ErrorCode, LocalErrorCode, SessionErrorCode } from "./error_code.js";
export type { BuiltInStore, KeyValueStore } from "./key_value_store.js";
export type { LogoutResult } from "./logout_result.js";
export { NetworkError } from "./network_error.js";
export { readProblem } from "./problem.js";
export type { Locks } from "./refresh_lock.js";
export type { Session } from "./session.js";
export { type FieldViolation, SessionError, type SessionErrorFields } from "./session_error.js";
export { type SessionErrorActions, SessionErrorHandler } from "./session_error_handler.js";
export type {
  SessionEvent,
  SessionEventMap,
  SessionSnapshot,
  SessionStatus,
} from "./session_events.js";
export { type CallOptions, SessionManager } from "./session_manager.js";
export type { SessionManagerOptions } from "./session_options.js";
export type { LoginResult } from "./sign_in.js";
export type { User } from "./user.js";
