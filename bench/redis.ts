import type { Redis } from "ioredis";
import { StreamValidateTokensRequest } from "../generated/curfew/v1/auth_service.js";
import { framesFile, openCrowd } from "./crowd.js";
import { expectGood } from "./expect_good.js";
import { note } from "./figures.js";
import { load } from "./load.js";
import { unaryCapacity } from "./unary_side.js";

const SECONDS = Number(process.env.BENCH_SECONDS ?? 5);
const SESSIONS = 10_000;
const MOST = 100;

/** Commands that clients have sent; those that scripts call inside the server are counted apart. */
const commandsSent = async (redis: Redis): Promise<number> => {
  const statistics = await redis.info("commandstats");
  const calls = [...statistics.matchAll(/cmdstat_(evalsha|eval):calls=(\d+)/g)];
  return calls.reduce((sum, [, , count]) => sum + Number(count), 0);
};

/** Script calls to Redis for 1,000 validations: of ValidateToken, and of streams. Each look at the server's state counts too. */
export const benchRedis = async (): Promise<void> => {
  const crowd = await openCrowd({ sessions: SESSIONS });
  try {
    const { port } = crowd.curfew;
    const tokens = await crowd.mint(crowd.sessions);
    await expectGood(port, tokens);
    const frames = framesFile(
      tokens.map((accessToken) =>
        StreamValidateTokensRequest.encode({
          requestId: "1",
          accessToken,
          audience: "",
          skipActivity: false,
        }).finish(),
      ),
    );
    const path = "/curfew.v1.AuthService/StreamValidateTokens";
    const shape = { port, path, frames, connections: 4, streams: 1, window: 64 };
    const unary = () => unaryCapacity(crowd.curfew, tokens[0] ?? "", SECONDS);
    const stream = () => load({ ...shape, mode: "streams", seconds: SECONDS });
    for (const [name, run] of [
      ["ValidateToken", unary],
      ["StreamValidateTokens", stream],
    ] as const) {
      const before = await commandsSent(crowd.redis);
      const { perSecond } = await run();
      const sent = (await commandsSent(crowd.redis)) - before;
      // The second of warming up is counted as the others.
      const each = (1000 * sent) / (perSecond * (SECONDS + 1));
      note(
        `Redis commands per 1,000 validations by ${name}: ${each.toFixed(1)} at ${perSecond.toFixed(0)}/s (at most ${MOST}: ${each <= MOST ? "met" : "SHORT"})`,
      );
    }
  } finally {
    await crowd.close();
  }
};
