/**
 * Curfew gave no answer: the client is offline, the request timed out, or another server (a captive portal) answered.
 * The error says nothing about the session, which stays.
 */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
  readonly code = "network_error";
}
