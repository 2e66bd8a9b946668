import { BinaryReader } from "@bufbuild/protobuf/wire";
import { Metadata } from "@grpc/grpc-js";
import type { FastifyInstance } from "fastify";
import { ProblemError } from "./problem.js";
import type { RpcChannel } from "./rpc_channel.js";

const CHECK = "/grpc.health.v1.Health/Check";
const CHECK_DEADLINE_MS = 1000;
const SERVING = 1;

/** `status` of a grpc.health.v1.HealthCheckResponse. */
const statusOf = (bytes: Buffer): number => {
  const reader = new BinaryReader(bytes);
  let status = 0;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) status = reader.int32();
    else reader.skip(wireType);
  }
  return status;
};

/**
 * `/healthz`: this process answers. `/readyz`: the service says by
 * grpc.health.v1.Health that it serves, else 503.
 */
export const installHealth = (app: FastifyInstance, channel: RpcChannel): void => {
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async () => {
    const call = channel.unary(CHECK, new Uint8Array(), new Metadata(), CHECK_DEADLINE_MS);
    const status = await call.response.then(statusOf, () => 0);
    if (status !== SERVING) {
      throw new ProblemError(503, "dependency_unavailable", "The service is not ready.", {
        retryAfterMs: CHECK_DEADLINE_MS,
      });
    }
    return { status: "ok" };
  });
};
