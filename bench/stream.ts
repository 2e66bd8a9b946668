import { StreamValidateTokensRequest } from "../generated/curfew/v1/auth_service.js";
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
    const ours: Measured[] = [];
    const unary: Measured[] = [];
    const client: number[] = [];
    let failed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      unary.push(await unaryCapacity(crowd.curfew, tokens[round] ?? "", SECONDS));
      const result = await measure(crowd.curfew, SECONDS, () =>
        load({ ...shape, path, window: 128, seconds: SECONDS }),
      );
      ours.push(result);
      client.push(result.processor);
      failed += result.failed;
    }
    reportPaired(
      "StreamValidateTokens",
      ours.map(({ perSecond }) => perSecond),
      unary.map(({ perSecond }) => perSecond),
      "validations/s",
      { atLeast: 2.5 },
    );
    reportPaired(
      "  processor time of the server",
      ours.map(({ cost }) => cost),
      unary.map(({ cost }) => cost),
      "µs",
      undefined,
    );
    note(`  ${SESSIONS} sessions and tokens in turn; refused or failed: ${failed}`);
    note(`  the client used ${(100 * median(client)).toFixed(0)} % of one processor`);
  } finally {
    await crowd.close();
  }
};
