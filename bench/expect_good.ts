import { ChannelCredentials, status } from "@grpc/grpc-js";
import {
  AuthServiceClient,
  type ValidateTokensResponse,
} from "../generated/curfew/v1/auth_service.js";

const A_CALL = 100;
const MAX_TRIES = 20;

/**
 * Validates each token once. This checks the answers, which clients under load do not read, and leaves no signature to
 * check in the rounds. A call that a busy machine answers with UNAVAILABLE is repeated.
 */
export const expectGood = async (port: number, tokens: readonly string[]): Promise<void> => {
  const client = new AuthServiceClient(`127.0.0.1:${port}`, ChannelCredentials.createInsecure());
  const firstBad = async (some: readonly string[]) => {
    const requests = some.map((accessToken) => ({
      accessToken,
      audience: "",
      skipActivity: false,
    }));
    const { results } = await new Promise<ValidateTokensResponse>((resolve, reject) =>
      client.validateTokens({ requests }, (error, answer) =>
        error ? reject(error) : resolve(answer),
      ),
    );
    if (results.length !== some.length) throw new Error(`${results.length} results`);
    return results.find(({ result }) => result?.$case !== "token")?.result;
  };
  for (let start = 0; start < tokens.length; start += A_CALL) {
    const some = tokens.slice(start, start + A_CALL);
    for (let tries = 1; ; tries++) {
      const bad = await firstBad(some);
      if (bad === undefined) break;
      const isOutage = bad.$case === "error" && bad.value.code === status.UNAVAILABLE;
      if (!isOutage || tries === MAX_TRIES)
        throw new Error(`not all tokens were good: ${JSON.stringify(bad)}`);
    }
  }
  client.close();
};
