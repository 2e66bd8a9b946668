import { EndReason_Value } from "../../../generated/curfew/v1/session.js";
import {
  type GetSessionStatsResponse,
  StoreHealth_State,
} from "../../../generated/curfew/v1/session_admin.js";
import type { RpcFailure } from "../rpc/rpc_failure.js";

/** How a service answers to `grpc.health.v1`. */
export interface ServiceHealth {
  readonly service: string;
  readonly status: string;
}

/** The state that the monitor observed at one moment. */
export interface Observation {
  readonly at: Date;
  readonly target: string;
  /** The server's answer, or why there was none. */
  readonly stats: GetSessionStatsResponse | RpcFailure;
  /** The server as a whole (by the empty name) and its services. */
  readonly health: readonly ServiceHealth[];
}

/** How the server as a whole stands. */
export const overallStatus = ({ health }: Observation): string =>
  health.find(({ service }) => service === "")?.status ?? "UNKNOWN";

/** Revocations by reason, most frequent first. */
export const revocations = (
  stats: GetSessionStatsResponse,
): readonly { readonly reason: string; readonly count: bigint }[] =>
  [...stats.revocations]
    .sort((left, right) => Number(right.count - left.count))
    .map(({ reason, count }) => ({ reason: EndReason_Value[reason] ?? String(reason), count }));

/** The stores of the replica that answered, and how they stand: UP or DOWN. */
export const storeStates = ({
  stores,
}: GetSessionStatsResponse): readonly { readonly store: string; readonly state: string }[] =>
  stores.map(({ store, state }) => ({ store, state: StoreHealth_State[state] ?? String(state) }));
