import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import { createGateway, type GatewayOptions } from "../../../src/gateway/index.js";
import { DESCRIPTORS, type StubService, startStubService } from "./stub_service.js";

/** A gateway in front of a stub. */
export interface Fixture {
  readonly stub: StubService;
  readonly gateway: FastifyInstance;
  /** Sends a request without a socket. */
  send(options: InjectOptions): Promise<LightMyRequestResponse>;
  /** Sends JSON with POST. */
  post(
    url: string,
    body: unknown,
    headers?: Record<string, string>,
  ): Promise<LightMyRequestResponse>;
  stop(): Promise<void>;
}

export const startFixture = async (options: Partial<GatewayOptions> = {}): Promise<Fixture> => {
  const stub = await startStubService(options.descriptors);
  const gateway = await createGateway({
    target: stub.target,
    descriptors: DESCRIPTORS,
    issuer: "https://auth.example",
    corsOrigins: ["https://app.example"],
    trustedProxies: [],
    development: false,
    logger: false,
    // The stub authenticates no caller.
    openAccess: new Set([0, 1, 2, 3, 4, 5, 6]),
    ...options,
  });
  return {
    stub,
    gateway,
    send: (request) => gateway.inject(request),
    post: (url, body, headers = {}) =>
      gateway.inject({
        method: "POST",
        url,
        headers: { "content-type": "application/json", ...headers },
        payload: typeof body === "string" ? body : JSON.stringify(body),
      }),
    async stop() {
      await gateway.close();
      await stub.stop();
    },
  };
};
