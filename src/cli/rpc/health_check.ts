import { type Channel, type ChannelCredentials, Client, Metadata } from "@grpc/grpc-js";
import { service as healthService } from "grpc-health-check";
import { callUnary, type UnaryMethod } from "./call.js";

/** A server to ask, over a channel that is open. */
export interface HealthTarget {
  readonly target: string;
  readonly channel: Channel;
  readonly credentials: ChannelCredentials;
}

interface HealthRequest {
  readonly service: string;
}
interface HealthAnswer {
  /** SERVING, NOT_SERVING, UNKNOWN or SERVICE_UNKNOWN. */
  readonly status: string;
}

const isAnswer = (value: unknown): value is HealthAnswer =>
  typeof value === "object" && value !== null && "status" in value;

/**
 * Queries the status of a service with `grpc.health.v1.Health/Check`; an empty name queries the server as a whole.
 * Rejects with an RpcFailure when the status is unknown.
 */
export const checkHealth = async (
  { target, channel, credentials }: HealthTarget,
  service: string,
  timeoutMs: number,
): Promise<string> => {
  const client = new Client(target, credentials, { channelOverride: channel });
  const method = healthService.Check;
  if (method === undefined) throw new TypeError("grpc-health-check has lost its method Check");
  const check: UnaryMethod<HealthRequest, HealthAnswer> = (request, metadata, options, callback) =>
    client.makeUnaryRequest<HealthRequest, object>(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadata,
      options,
      (error, answer) => callback(error, isAnswer(answer) ? answer : { status: "UNKNOWN" }),
    );
  return (await callUnary(check, { service }, { target, metadata: new Metadata(), timeoutMs }))
    .status;
};
