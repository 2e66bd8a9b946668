import type { GivenTokens } from "../client/target.js";
import type { ClusterReplica } from "./replica.js";

/** As many verified tokens as a replica remembers at most (`token_verifier.ts`). */
const TOKENS = 30_000;
const CHAINS = 8;
const PASSWORD = "a perfectly fine passphrase";

/**
 * Has a replica remember all that it ever will, so that memory which still grows
 * afterwards is a leak. A few sessions are refreshed over and over, which is the
 * cheapest way to tokens; some two minutes.
 */
export const fillMemory = async (replica: ClusterReplica): Promise<void> => {
  const chain = async (_: unknown, i: number): Promise<void> => {
    const username = `filler-${i}`;
    await replica.createUser(username, PASSWORD);
    let tokens: GivenTokens = await replica.login(username, PASSWORD);
    for (let count = 0; count < TOKENS / CHAINS; count++) {
      await replica.validate(tokens.accessToken, true);
      tokens = await replica.refresh(tokens.refreshToken);
    }
    await replica.logout(tokens.accessToken);
  };
  await Promise.all(Array.from({ length: CHAINS }, chain));
};
