import { ValidateTokenRequest } from "../generated/curfew/v1/auth_service.js";
import type { Child } from "./child.js";
import { h2load } from "./h2load.js";
import { type Measured, measure } from "./server_cost.js";

const PATH = "/curfew.v1.AuthService/ValidateToken";

/**
 * ValidateToken at capacity, for the benches of what is faster than it: the
 * cheapest client, and one token over and over, which is the easiest to answer.
 */
export const unaryCapacity = async (
  curfew: Child & { readonly port: number },
  accessToken: string,
  seconds: number,
): Promise<Measured> => {
  const message = ValidateTokenRequest.encode({
    accessToken,
    audience: "",
    skipActivity: false,
  }).finish();
  const shape = { connections: 8, streams: 16, seconds };
  const result = await measure(curfew, seconds, () =>
    h2load({ ...shape, port: curfew.port, path: PATH, message }),
  );
  if (result.failed > 0) throw new Error(`${result.failed} calls of ValidateToken failed`);
  return result;
};
