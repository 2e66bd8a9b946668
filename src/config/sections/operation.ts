import { setting } from "../setting.js";
import { duration, oneOf } from "../value_schemas.js";

/** How the process behaves. */
export const OPERATION_SETTINGS = {
  environment: setting({
    name: "NODE_ENV",
    schema: oneOf("development", "test", "production"),
    fallback: "development",
    doc: "`production` makes the safe choices defaults and refuses unsafe ones. Elsewhere `.env` is read too.",
  }),
  logLevel: setting({
    name: "LOG_LEVEL",
    schema: oneOf("trace", "debug", "info", "warn", "error", "fatal", "silent"),
    fallback: "info",
    doc: "The least severe lines to log.",
  }),
  auditRetentionMs: setting({
    name: "AUDIT_RETENTION_HOURS",
    schema: duration("hours", 87_600),
    fallback: "2160",
    doc: "How long security events are kept before cleanup deletes them.",
  }),
  shutdownGraceMs: setting({
    name: "SHUTDOWN_GRACE_SECONDS",
    schema: duration("seconds", 600, "zero"),
    fallback: "10",
    doc: "How long a stop waits for calls in flight.",
  }),
} as const;
