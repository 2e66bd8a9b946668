/**
 * Curfew gave no answer: offline, timed out, or somebody else (a captive
 * portal) answered in its place. It says nothing about the session, which stays.
 */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
  readonly code = "network_error";
}
