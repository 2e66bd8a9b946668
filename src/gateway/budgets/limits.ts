import type { BodyLimits } from "./body_budget.js";
import type { ConnectionLimits } from "./connection_budget.js";

const MEBIBYTE = 1024 * 1024;

/** The limits of a gateway (D5), and the share of them that strangers may use (D8). */
export interface GatewayLimits extends BodyLimits, ConnectionLimits {
  /** Milliseconds for the headers of a request, and for all of it. */
  readonly headersMs: number;
  readonly requestMs: number;
  /** Milliseconds that a connection may stay open without a request. */
  readonly idleMs: number;
}

export const DEFAULT_GATEWAY_LIMITS: GatewayLimits = {
  anonymousConnections: 1024,
  anonymousConnectionsPerSource: 256,
  provenConnections: 2048,
  provenBodyBytes: 64 * MEBIBYTE,
  anonymousBodyBytes: 16 * MEBIBYTE,
  anonymousBodyBytesPerSource: MEBIBYTE,
  headersMs: 10_000,
  requestMs: 30_000,
  idleMs: 60_000,
};
