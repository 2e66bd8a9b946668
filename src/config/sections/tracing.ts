import { otlpEndpoint, otlpHeaders } from "../otlp_values.js";
import { setting } from "../setting.js";
import { onOff, ratio, text } from "../value_schemas.js";

/** Where traces go; the names are OpenTelemetry's own. */
export const TRACING_SETTINGS = {
  otlpEndpoint: setting({
    name: "OTEL_EXPORTER_OTLP_ENDPOINT",
    schema: otlpEndpoint().optional(),
    fallbackDoc: "no traces",
    doc: "Receiver of traces over OTLP/HTTP, for example `http://localhost:4318`.",
  }),
  otlpHeaders: setting({
    name: "OTEL_EXPORTER_OTLP_HEADERS",
    schema: otlpHeaders(),
    fallback: "",
    doc: "Headers for the receiver, for example `authorization=Bearer%20…`.",
    secret: true,
  }),
  serviceName: setting({
    name: "OTEL_SERVICE_NAME",
    schema: text("a name"),
    fallback: "curfew",
    doc: "What traces call this service.",
  }),
  traceRatio: setting({
    name: "OTEL_TRACES_SAMPLER_ARG",
    schema: ratio(),
    fallback: "1",
    doc: "The part of traces that begin here to record, from 0 to 1. Curfew follows the decision of a service with a credential or of a proxy of `TRUSTED_PROXIES` (`parentbased_traceidratio`); the trace of any other caller gets a link.",
  }),
  tracingDisabled: setting({
    name: "OTEL_SDK_DISABLED",
    schema: onOff(),
    fallback: "false",
    doc: "Whether no traces are sent although there is a receiver.",
  }),
} as const;
