import type { IncomingHttpHeaders } from "node:http2";
import type { Server } from "@grpc/grpc-js";
import { fail } from "../core/errors.js";
import { contextOf } from "./call_context.js";

/**
 * The method that calls of methods nobody serves are led to: grpc-js would
 * answer those without details, and without telling any interceptor.
 */
export const UNKNOWN_METHOD = "/unknown/Unknown";

const nothing = (): Buffer => Buffer.alloc(0);

/** Serves UNKNOWN_METHOD: answers UNIMPLEMENTED before any message is read. */
export const addUnknownMethod = (server: Server): void => {
  const refuse = (call: { metadata: Parameters<typeof contextOf>[0] }): void =>
    contextOf(call.metadata).end(fail("UNIMPLEMENTED"));
  server.register(UNKNOWN_METHOD, refuse, nothing, nothing, "bidi");
};

/** Leads a call to UNKNOWN_METHOD unless its method is among those served. */
export const leadAstray = (served: ReadonlySet<string>, headers: IncomingHttpHeaders): void => {
  if (!served.has(headers[":path"] ?? "")) headers[":path"] = UNKNOWN_METHOD;
};
