/**
 * The REST gateway. It may import `core` and `generated`, never an adapter nor
 * `rpc`: it reaches the service through a gRPC channel, in the same process or
 * on another host.
 */
export { createGateway } from "./gateway.js";
export type { Localize } from "./localize.js";
export type { GatewayOptions } from "./options.js";
export type { Problem } from "./problem.js";
