import type { Metadata } from "@grpc/grpc-js";
import { fail } from "../core/errors.js";
import { contextOf } from "./call_context.js";
import type { ServedMethod } from "./wire/served_method.js";

/** The shared name of all unknown methods, in logs and metrics. */
export const UNKNOWN_METHOD = "/unknown/Unknown";

const nothing = (): Buffer => Buffer.alloc(0);

/** Answers UNIMPLEMENTED before any message is read. */
export const unknownMethod: ServedMethod = {
  path: UNKNOWN_METHOD,
  type: "bidi",
  func: (call: { readonly metadata: Metadata }): void =>
    contextOf(call.metadata).end(fail("UNIMPLEMENTED")),
  deserialize: nothing,
  serialize: nothing,
};
