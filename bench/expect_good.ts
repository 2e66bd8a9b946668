import { ChannelCredentials } from "@grpc/grpc-js";
import {
  AuthServiceClient,
  type ValidateTokensResponse,
} from "../generated/curfew/v1/auth_service.js";

const A_CALL = 100;

/**
 * Validates each token once: to see that answers are good, which clients under
 * load do not look into, and so that no signature is left to check in the rounds.
 */
export const expectGood = async (port: number, tokens: readonly string[]): Promise<void> => {
  const client = new AuthServiceClient(`127.0.0.1:${port}`, ChannelCredentials.createInsecure());
  for (let start = 0; start < tokens.length; start += A_CALL) {
    const requests = tokens
      .slice(start, start + A_CALL)
      .map((accessToken) => ({ accessToken, audience: "", skipActivity: false }));
    const { results } = await new Promise<ValidateTokensResponse>((resolve, reject) =>
      client.validateTokens({ requests }, (error, answer) =>
        error ? reject(error) : resolve(answer),
      ),
    );
    const bad = results.find(({ result }) => result?.$case !== "token");
    if (bad || results.length !== requests.length)
      throw new Error(`not all tokens were good: ${JSON.stringify(bad?.result)}`);
  }
  client.close();
};
