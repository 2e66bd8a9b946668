import { ValidateTokensRequest } from "../generated/curfew/v1/auth_service.js";
import { framesFile, openCrowd } from "./crowd.js";
import { expectGood } from "./expect_good.js";
import { load } from "./load.js";
import { reportBesideUnary } from "./unary_side.js";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 7);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 3);
const SESSIONS = 10_000;
const A_CALL = 100;

/** ValidateTokens, 100 different sessions a call out of 10,000, beside ValidateToken. */
export const benchBatch = async (): Promise<void> => {
  const flags = process.env.BENCH_NODE_FLAGS?.split(" ") ?? [];
  const crowd = await openCrowd({ sessions: SESSIONS, nodeFlags: flags });
  try {
    const { port } = crowd.curfew;
    const tokens = await crowd.mint(crowd.sessions);
    await expectGood(port, tokens);
    const requests = tokens.map((accessToken) => ({
      accessToken,
      audience: "",
      skipActivity: false,
    }));
    const calls = Array.from({ length: SESSIONS / A_CALL }, (_, call) => ({
      requests: requests.slice(call * A_CALL, (call + 1) * A_CALL),
    }));
    const frames = framesFile(calls.map((call) => ValidateTokensRequest.encode(call).finish()));
    const shape = { port, frames, mode: "calls", connections: 4, streams: 6 } as const;
    const path = "/curfew.v1.AuthService/ValidateTokens";
    await reportBesideUnary(
      crowd,
      tokens,
      { rounds: ROUNDS, seconds: SECONDS },
      {
        name: "ValidateTokens, 100 a call",
        atLeast: 5,
        perAnswer: A_CALL,
        run: () => load({ ...shape, path, window: 1, seconds: SECONDS }),
      },
    );
    await expectGood(port, tokens);
  } finally {
    await crowd.close();
  }
};
