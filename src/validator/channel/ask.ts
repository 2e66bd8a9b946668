import { type CallOptions, status as Code, Metadata, type ServiceError } from "@grpc/grpc-js";
import type { AuthServiceClient } from "../../../generated/curfew/v1/auth_service.js";
import type { Replicas } from "./replicas.js";
import { cleanServiceKey } from "./service_key.js";

/** Metadata of a call: the validator's own key. Throws where the key cannot be one. */
export const callMetadata = (serviceKey: (() => string) | undefined): Metadata => {
  const metadata = new Metadata();
  const key = cleanServiceKey(serviceKey?.() ?? "");
  if (key) metadata.set("authorization", `Bearer ${key}`);
  return metadata;
};

type Unary<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: CallOptions,
  callback: (error: ServiceError | null, response: Response) => void,
) => unknown;

/** Makes one unary call to one replica; rejects with the ServiceError. */
export type Ask = <Request, Response>(
  method: (client: AuthServiceClient) => Unary<Request, Response>,
  request: Request,
  timeoutMs: number,
) => Promise<Response>;

export const createAsk =
  (replicas: Pick<Replicas, "next" | "suspend">, serviceKey: (() => string) | undefined): Ask =>
  (method, request, timeoutMs) =>
    new Promise((resolve, reject) => {
      const client = replicas.next();
      const options = { deadline: Date.now() + timeoutMs };
      method(client).call(client, request, callMetadata(serviceKey), options, (error, response) => {
        if (error?.code === Code.DEADLINE_EXCEEDED) replicas.suspend(client);
        if (error) reject(error);
        else resolve(response);
      });
    });
