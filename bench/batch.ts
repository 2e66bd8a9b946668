import { ValidateTokensRequest } from "../generated/curfew/v1/auth_service.js";
import { framesFile, openCrowd } from "./crowd.js";
import { expectGood } from "./expect_good.js";
import { median, note } from "./figures.js";
import { load } from "./load.js";
import { reportPaired } from "./paired.js";
import { type Measured, measure } from "./server_cost.js";
import { unaryCapacity } from "./unary_side.js";

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
    const shape = { port, frames, mode: "calls", connections: 4, streams: 2 } as const;
    const path = "/curfew.v1.AuthService/ValidateTokens";
    const ours: Measured[] = [];
    const unary: Measured[] = [];
    const client: number[] = [];
    let failed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      unary.push(await unaryCapacity(crowd.curfew, tokens[round] ?? "", SECONDS));
      const result = await measure(crowd.curfew, SECONDS, () =>
        load({ ...shape, path, window: 1, seconds: SECONDS }),
      );
      ours.push({ perSecond: result.perSecond * A_CALL, cost: result.cost / A_CALL });
      client.push(result.processor);
      failed += result.failed;
    }
    reportPaired(
      "ValidateTokens, 100 a call",
      ours.map(({ perSecond }) => perSecond),
      unary.map(({ perSecond }) => perSecond),
      "validations/s",
      { atLeast: 5 },
    );
    reportPaired(
      "  processor time of the server",
      ours.map(({ cost }) => cost),
      unary.map(({ cost }) => cost),
      "µs",
      undefined,
    );
    note(`  ${SESSIONS} sessions and tokens in turn; failed calls: ${failed}`);
    note(`  the client used ${(100 * median(client)).toFixed(0)} % of one processor`);
    await expectGood(port, tokens);
  } finally {
    await crowd.close();
  }
};
