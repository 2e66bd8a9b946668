import type { CallOptions, ClientUnaryCall, Metadata, ServiceError } from "@grpc/grpc-js";
import { rpcFailure } from "./rpc_failure.js";

/** A unary method of a generated client, bound to it. */
export type UnaryMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

export interface CallContext {
  /** For messages. */
  readonly target: string;
  readonly metadata: Metadata;
  readonly timeoutMs: number;
}

/** Makes one unary call. Rejects with an RpcFailure whose text says what the operator can do. */
export const callUnary = <Request, Response>(
  method: UnaryMethod<Request, Response>,
  request: Request,
  { target, metadata, timeoutMs }: CallContext,
): Promise<Response> =>
  new Promise((resolve, reject) => {
    method(request, metadata, { deadline: Date.now() + timeoutMs }, (error, response) => {
      if (error === null) resolve(response);
      else reject(rpcFailure(error, target));
    });
  });
