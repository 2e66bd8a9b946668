import type { Settings } from "../config/settings.js";
import type { HotStore } from "../core/ports/hot_store.js";
import type { BeginRequest } from "../gateway/tracing.js";
import type { Database } from "../postgres/database.js";
import type { Around } from "../rpc/implement.js";
import {
  type BelievesTrace,
  type CallSpan,
  type CallTracing,
  tracing as callTracing,
} from "../rpc/interceptors/tracing.js";
import { statementName } from "../telemetry/statement_name.js";
import type { OpenSpan, Tracing } from "../telemetry/tracing.js";

/** Loads and starts tracing if the settings say so; else nothing of it is even loaded. */
export const openTracing = async (settings: Settings): Promise<Tracing | undefined> => {
  const { otlpEndpoint, otlpHeaders, serviceName, traceRatio, tracingDisabled } = settings;
  if (otlpEndpoint === undefined || tracingDisabled) return undefined;
  const { startTracing } = await import("../telemetry/tracing.js");
  return startTracing({
    endpoint: otlpEndpoint,
    headers: otlpHeaders,
    serviceName,
    ratio: traceRatio,
  });
};

export interface TracedCall extends CallSpan {
  readonly span: OpenSpan;
}

const present = (attributes: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ""));

/** Codes that tell of trouble on this side (OpenTelemetry, gRPC semantic conventions). */
const SERVER_ERRORS = new Set([2, 4, 12, 13, 14, 15]);

export const tracedCalls = (tracing: Tracing, believes: BelievesTrace): CallTracing<TracedCall> =>
  callTracing((method, trace, startedAt) => {
    const [service = "", name = ""] = method.split("/");
    const attributes = { "rpc.system": "grpc", "rpc.service": service, "rpc.method": name };
    const span = tracing.receive(method, attributes, trace, startedAt);
    return {
      span,
      end({ code, reason, ...about }) {
        const details = present({
          "curfew.reason": reason,
          "curfew.request_id": about.requestId,
          "curfew.session_id": about.sessionId,
          "user.id": about.userId,
        });
        const failure = SERVER_ERRORS.has(code) ? reason : undefined;
        span.end({ "rpc.grpc.status_code": code, ...details }, failure);
      },
    };
  }, believes);

/** The handler, run as part of the call's span. */
export const withinSpan =
  (calls: CallTracing<TracedCall>): Around =>
  (ctx, work) => {
    const span = calls.spanOf(ctx)?.span;
    if (span === undefined) work();
    else span.within(work);
  };

/** The hot store in Redis, with a span for each question of a call; many share one script call. */
export const tracedHotStore = (hot: HotStore, tracing: Tracing): HotStore => {
  const traced = async <Result>(script: string, work: () => Promise<Result>): Promise<Result> => {
    const span = tracing.call(`EVALSHA ${script}`, {
      "db.system.name": "redis",
      "db.operation.name": "EVALSHA",
      "db.stored_procedure.name": script,
    });
    if (span === undefined) return work();
    try {
      const result = await work();
      span.end({});
      return result;
    } catch (error) {
      span.end({}, "no answer in time");
      throw error;
    }
  };
  return {
    ...hot,
    check: (ask, lease) => traced("curfew_check", () => hot.check(ask, lease)),
    checkAll: (asks, lease) => traced("curfew_check", () => hot.checkAll(asks, lease)),
    fill: (entry, fillToken, lease) =>
      traced("curfew_fill", () => hot.fill(entry, fillToken, lease)),
    invalidate: (revocations) => traced("curfew_invalidate", () => hot.invalidate(revocations)),
  };
};

interface Query {
  readonly __knexQueryUid: string;
  readonly sql?: string;
}

/** Gives each statement of a call a span. */
export const traceStatements = (database: Database, tracing: Tracing): void => {
  const spans = new Map<string, OpenSpan>();
  const end = ({ __knexQueryUid }: Query, failure?: string): void => {
    const span = spans.get(__knexQueryUid);
    spans.delete(__knexQueryUid);
    span?.end({}, failure);
  };
  database.on("query", ({ __knexQueryUid, sql = "" }: Query) => {
    const { operation, table = "" } = statementName(sql);
    const span = tracing.call([operation, table].filter(Boolean).join(" "), {
      "db.system.name": "postgresql",
      "db.operation.name": operation,
      ...(table !== "" && { "db.collection.name": table }),
    });
    if (span !== undefined) spans.set(__knexQueryUid, span);
  });
  database.on("query-response", (_rows: unknown, query: Query) => end(query));
  database.on("query-error", (error: { code?: unknown }, query: Query) =>
    end(query, typeof error.code === "string" ? error.code : "error"),
  );
};

/** Spans of requests to the gateway. */
export const tracedRequests =
  (tracing: Tracing): BeginRequest =>
  (method, trace) => {
    const attributes = { "http.request.method": method };
    const span = tracing.receive(method, attributes, trace);
    return {
      traceparent: span.traceparent,
      end(status, route) {
        if (route !== "") span.rename(`${method} ${route}`);
        span.end(
          { "http.response.status_code": status, ...present({ "http.route": route }) },
          status >= 500 ? String(status) : undefined,
        );
      },
    };
  };
