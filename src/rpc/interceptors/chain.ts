import type { CallEnvironment } from "../call_context.js";
import type { Interceptor } from "./interceptor.js";

/** Interceptors made one: first in, last out, as grpc-js orders its own. */
export interface Chain {
  readonly environment: CallEnvironment;
  readonly admit: NonNullable<Interceptor["admit"]>;
  readonly status: NonNullable<Interceptor["status"]>;
  readonly done: NonNullable<Interceptor["done"]>;
}
