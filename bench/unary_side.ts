import { ValidateTokenRequest } from "../generated/curfew/v1/auth_service.js";
import type { Child } from "./child.js";
import type { Crowd } from "./crowd.js";
import { median, note } from "./figures.js";
import { h2load } from "./h2load.js";
import type { LoadClientResult } from "./load_client.js";
import { reportPaired } from "./paired.js";
import { type Measured, measure } from "./server_cost.js";

const PATH = "/curfew.v1.AuthService/ValidateToken";

/**
 * ValidateToken at capacity, as the baseline of the faster calls' benches: the cheapest client, and a single repeated
 * token, which is the cheapest to validate.
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
  const shape = { connections: 8, streams: 32, seconds };
  const result = await measure(curfew, seconds, () =>
    h2load({ ...shape, port: curfew.port, path: PATH, message }),
  );
  if (result.failed > 0) throw new Error(`${result.failed} calls of ValidateToken failed`);
  return result;
};

export interface FasterWay {
  readonly name: string;
  /** The least ratio to unary calls that is required. */
  readonly atLeast: number;
  /** Validations in one answer. */
  readonly perAnswer: number;
  readonly run: () => Promise<LoadClientResult>;
}

/** Measures a faster way to validate beside unary calls, round by round, and reports both. */
export const reportBesideUnary = async (
  { curfew }: Pick<Crowd, "curfew">,
  tokens: readonly string[],
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
  { name, atLeast, perAnswer, run }: FasterWay,
): Promise<void> => {
  const ours: Measured[] = [];
  const unary: Measured[] = [];
  const client: number[] = [];
  let failed = 0;
  for (let round = 0; round < rounds; round++) {
    unary.push(await unaryCapacity(curfew, tokens[round] ?? "", seconds));
    const result = await measure(curfew, seconds, run);
    ours.push({ perSecond: result.perSecond * perAnswer, cost: result.cost / perAnswer });
    client.push(result.processor);
    failed += result.failed;
  }
  const speeds = (all: readonly Measured[]) => all.map(({ perSecond }) => perSecond);
  const costs = (all: readonly Measured[]) => all.map(({ cost }) => cost);
  reportPaired(name, speeds(ours), speeds(unary), "validations/s", { atLeast });
  reportPaired("  processor time of the server", costs(ours), costs(unary), "µs", undefined);
  note(`  ${tokens.length} sessions and tokens in turn; refused or failed: ${failed}`);
  note(`  the client used ${(100 * median(client)).toFixed(0)} % of one processor`);
};
