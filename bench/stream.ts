import { StreamValidateTokensRequest } from "../generated/curfew/v1/auth_service.js";
import { framesFile, openCrowd } from "./crowd.js";
import { expectGood } from "./expect_good.js";
import { load } from "./load.js";
import { reportBesideUnary } from "./unary_side.js";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 7);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 3);
const SESSIONS = 10_000;

/** StreamValidateTokens, different sessions out of 10,000, beside ValidateToken. */
export const benchStream = async (): Promise<void> => {
  const flags = process.env.BENCH_NODE_FLAGS?.split(" ") ?? [];
  const crowd = await openCrowd({ sessions: SESSIONS, nodeFlags: flags });
  try {
    const { port } = crowd.curfew;
    const tokens = await crowd.mint(crowd.sessions);
    await expectGood(port, tokens);
    const frames = framesFile(
      tokens.map((accessToken, id) =>
        StreamValidateTokensRequest.encode({
          requestId: id.toString(36),
          accessToken,
          audience: "",
          skipActivity: false,
        }).finish(),
      ),
    );
    const shape = { port, frames, mode: "streams", connections: 4, streams: 1 } as const;
    const path = "/curfew.v1.AuthService/StreamValidateTokens";
    await reportBesideUnary(
      crowd,
      tokens,
      { rounds: ROUNDS, seconds: SECONDS },
      {
        name: "StreamValidateTokens",
        atLeast: 2.5,
        perAnswer: 1,
        run: () => load({ ...shape, path, window: 128, seconds: SECONDS }),
      },
    );
  } finally {
    await crowd.close();
  }
};
