import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { SessionAdminService } from "../../generated/curfew/v1/session_admin.js";
import { UserAdminService } from "../../generated/curfew/v1/user_admin.js";
import type { Settings } from "../config/settings.js";
import { actorOf } from "../core/caller/caller.js";
import type { ServiceKeyCheck } from "../core/caller/service_key_check.js";
import { readTraceParent } from "../core/caller/trace_parent.js";
import { CurfewError, type Reason } from "../core/errors.js";
import type { DeniedCalls } from "../core/events/denied_calls.js";
import { refusalOf } from "../rpc/budgets/refusal.js";
import type { CallContext } from "../rpc/call_context.js";
import { implement } from "../rpc/implement.js";
import { believesTrace } from "../rpc/interceptors/tracing.js";
import { readRules } from "../rpc/rules.js";
import { createRpcServer, type RpcServer } from "../rpc/server.js";
import { authService } from "../rpc/services/auth_service.js";
import type { ServiceDeps } from "../rpc/services/service_deps.js";
import { sessionAdmin } from "../rpc/services/session_admin.js";
import { userAdmin } from "../rpc/services/user_admin.js";
import { validation } from "../rpc/services/validation.js";
import { watchingEvents } from "../rpc/services/watching_events.js";
import { watchingRevocations } from "../rpc/services/watching_revocations.js";
import { tlsCredentials } from "../rpc/tls_credentials.js";
import type { Logger } from "../telemetry/logger.js";
import type { Metrics } from "../telemetry/metrics.js";
import { createRepeatedLines } from "../telemetry/repeated_lines.js";
import type { Tracing } from "../telemetry/tracing.js";
import { hostPort, listening } from "./listening.js";
import { tracedCalls, withinSpan } from "./traced.js";

const CERTIFICATE_REFRESH_MS = 10_000;
/** Of calls that are refused for the same limit, one line is logged in this time, and how many more there were. */
const REFUSALS_WINDOW_MS = 1000;

export interface RpcParts {
  readonly settings: Settings;
  readonly descriptors: Uint8Array;
  readonly deps: ServiceDeps;
  readonly denied: DeniedCalls;
  readonly serviceKeys: ServiceKeyCheck;
  readonly isServing: () => boolean;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Absent: no traces. */
  readonly tracing?: Tracing | undefined;
}

/** The gRPC server with all services. */
export const rpcServer = (parts: RpcParts): RpcServer => {
  const { settings, descriptors, deps, denied, serviceKeys, logger, metrics } = parts;
  const { core } = deps;
  const rules = readRules(descriptors);
  const names = new Map(rules.methods.map(({ path }) => [path, path.slice(1)]));

  const believes = believesTrace(settings.serviceAuth);
  const calls = parts.tracing && tracedCalls(parts.tracing, believes);
  const traceIdOf = (ctx: CallContext): string | undefined => {
    if (calls) return calls.spanOf(ctx)?.span.traceId;
    const received = readTraceParent(ctx.header("traceparent"));
    return received && believes(ctx) ? received.traceId : undefined;
  };

  const describe = (ctx: CallContext) => ({
    method: ctx.method,
    request_id: ctx.requestId,
    ip: ctx.ip,
    ...(ctx.caller.kind !== "anonymous" && { caller: actorOf(ctx.caller) }),
    ...(ctx.caller.kind === "session" && {
      user_id: ctx.caller.userId,
      session_id: ctx.caller.sessionId,
    }),
    trace_id: traceIdOf(ctx),
  });

  const refusals = createRepeatedLines((key, count) => {
    const [method, reason, limit] = key.split(" ");
    logger.info({ method, reason, limit, count }, "more calls were refused");
  }, REFUSALS_WINDOW_MS);
  const around = calls && withinSpan(calls);
  const { definition, handlers } = validation(deps, rules);
  const services = [
    implement(
      definition,
      {
        ...authService(deps),
        ...handlers,
        ...watchingRevocations(deps.revocations),
      },
      rules,
      around,
    ),
    implement(
      SessionAdminService,
      { ...sessionAdmin(deps), ...watchingEvents(deps) },
      rules,
      around,
    ),
    implement(UserAdminService, userAdmin(deps), rules, around),
  ];

  return createRpcServer({
    services,
    tracing: calls,
    rules,
    judge: {
      serviceAuth: settings.serviceAuth,
      async authenticateSession(accessToken) {
        // The use of the session is counted by the activity interceptor.
        const good = await core.validateToken({ accessToken, audience: "", skipActivity: true });
        const { sessionId, userId, username, roles } = good.session;
        return { kind: "session", sessionId, userId, username, roles, jti: good.claims.jti };
      },
      authenticateServiceKey: (key) =>
        serviceKeys.find(createHash("sha256").update(key).digest("hex")),
    },
    trackActivity: ({ sessionId }) => core.noteUse(sessionId),
    onDenied: ({ method, caller, ip }, reason) =>
      denied.record({ method, reason, actor: actorOf(caller), ip }),
    observe(ctx, code, durationMs) {
      const reason: Reason | "" = ctx.failure?.reason ?? "";
      const codeName = status[code] ?? String(code);
      const method = names.get(ctx.method) ?? ctx.method.slice(1);
      metrics.countCall(method, codeName, reason, durationMs / 1000);
      const refusal = refusalOf(ctx.failure);
      if (refusal !== undefined) {
        metrics.countRefusal(refusal.by, refusal.limit);
        if (!refusals.isFirst(`${method} ${reason} ${refusal.limit}`)) return;
      }
      if (code === status.OK) {
        if (logger.isLevelEnabled("debug"))
          logger.debug({ ...describe(ctx), code: codeName, ms: durationMs }, "call");
        return;
      }
      const level = code === status.INTERNAL || code === status.UNKNOWN ? "error" : "info";
      logger[level](
        { ...describe(ctx), code: codeName, reason, ms: durationMs, err: causeOf(ctx.failure) },
        "call failed",
      );
    },
    onRefused: metrics.countRefusal,
    onDefect: (ctx, failure) =>
      logger.error({ ...describe(ctx), err: causeOf(failure) }, "defect inside an answer"),
    isServing: parts.isServing,
    trustedProxies: [...settings.trustedProxies],
    onUnreadableAddress: (proxy) =>
      logger.warn(
        { proxy },
        "a trusted proxy sends an x-forwarded-for with something that is no address: " +
          "its clients count as one source",
      ),
    ...(settings.reflection && { reflect: descriptors }),
  });
};

const causeOf = (failure: CurfewError | undefined): unknown =>
  failure?.cause instanceof CurfewError ? causeOf(failure.cause) : failure?.cause;

/** Listens where only this user can reach it, for the gateway in this process. Resolves to the target to call. */
export const listenForGateway = async (server: RpcServer): Promise<{ target: string }> => {
  const folder = mkdtempSync(join(tmpdir(), "curfew-gateway-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const target = `unix:${join(folder, "rpc.sock")}`;
  await server.listen(target);
  return { target };
};

/** Listens, with TLS if the settings name a certificate. Resolves to the port. */
export const listenRpc = async (
  server: RpcServer,
  settings: Settings,
  logger: Logger,
): Promise<number> => {
  const { tlsCertFile, tlsKeyFile, tlsClientCaFile } = settings;
  const credentials =
    tlsCertFile !== undefined && tlsKeyFile !== undefined
      ? await tlsCredentials({
          certFile: tlsCertFile,
          keyFile: tlsKeyFile,
          clientCaFile: tlsClientCaFile,
          requireClientCertificate: false,
          refreshMs: CERTIFICATE_REFRESH_MS,
          onReload: (failure) =>
            failure
              ? logger.warn({ err: failure }, "TLS files cannot be used, keeping the old ones")
              : logger.info("TLS files were loaded again"),
        })
      : undefined;
  const address = hostPort(settings.host, settings.grpcPort);
  return listening("GRPC_PORT", address, server.listen(address, credentials));
};
