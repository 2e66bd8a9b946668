import type { IncomingMessage } from "node:http";

/** A call as it arrived. */
export interface ServiceCall {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

/** An answer to give instead of the right one. */
export interface ServiceAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** A call that waits for its answer. */
export interface HeldCall {
  readonly arrived: Promise<void>;
  release(): void;
}

const details: Record<string, string> = {
  access_token_expired: "Access token has expired",
  access_token_blacklisted: "Access token has been revoked",
  session_inactivity_timeout: "Session expired due to inactivity",
  session_revoked_or_invalid: "Session has been revoked or is invalid",
};

/** A failure as the gateway answers it. */
export const problem = (status: number, code: string, metadata?: Record<string, string>) => ({
  status,
  body: { type: "about:blank", title: "", status, detail: details[code] ?? code, code, metadata },
});
