import { Access } from "../../../generated/curfew/options/v1/options.js";
import { sourceOf } from "../../core/caller/source.js";
import type { CallContext } from "../call_context.js";
import type { Interceptor } from "../interceptors/interceptor.js";
import type { Connections } from "./connections.js";
import { overBudget, sourceOverBudget } from "./refusal.js";

/** How many calls are open at once; more are refused, not queued (D5, D8). */
export interface CallLimits {
  /** The limit for all callers. Services get the part that the limits below leave. */
  readonly calls: number;
  /** Of callers without credentials: of all, and of one source. Streams have a smaller share. */
  readonly publicCalls: number;
  readonly publicCallsPerSource: number;
  readonly publicStreams: number;
  readonly publicStreamsPerSource: number;
  /** Calls whose credential is being judged: of all, and of one source. */
  readonly pendingCalls: number;
  readonly pendingCallsPerSource: number;
  /** Calls with users' tokens: of all, and of one user. */
  readonly sessionCalls: number;
  readonly sessionCallsPerUser: number;
}

/** Counts the open calls of a class, and of each source in it. */
class Budget {
  #calls = 0;
  readonly #bySource = new Map<string, number>();

  constructor(
    private readonly limit: string,
    private readonly maxCalls: number,
    private readonly maxPerSource: number,
  ) {}

  /** @throws CurfewError if the budget is used up */
  take(source: string): void {
    const ofSource = this.#bySource.get(source) ?? 0;
    if (ofSource >= this.maxPerSource) throw sourceOverBudget(`${this.limit}_per_source`);
    if (this.#calls >= this.maxCalls) throw overBudget(this.limit);
    this.#calls += 1;
    this.#bySource.set(source, ofSource + 1);
  }

  give(source: string): void {
    this.#calls -= 1;
    const left = (this.#bySource.get(source) ?? 1) - 1;
    if (left > 0) this.#bySource.set(source, left);
    else this.#bySource.delete(source);
  }
}

interface Share {
  readonly budget: Budget;
  readonly source: string;
}

/** Two interceptors: one before callers are authenticated, one after. */
export interface CallBudgets {
  readonly before: Interceptor;
  readonly after: Interceptor;
}

/**
 * Keeps a part of the calls for callers with credentials. Until a credential is
 * found good, a call counts among those of strangers, unless a service has shown a
 * good one on its connection before.
 */
export const callBudgets = (limits: CallLimits, connections: Connections): CallBudgets => {
  const publicCalls = new Budget("public_calls", limits.publicCalls, limits.publicCallsPerSource);
  const publicStreams = new Budget(
    "public_streams",
    limits.publicStreams,
    limits.publicStreamsPerSource,
  );
  const pending = new Budget("pending_calls", limits.pendingCalls, limits.pendingCallsPerSource);
  const sessions = new Budget("session_calls", limits.sessionCalls, limits.sessionCallsPerUser);
  const shares = new WeakMap<CallContext, Share>();
  let calls = 0;

  const take = (ctx: CallContext, budget: Budget, source: string): void => {
    budget.take(source);
    shares.set(ctx, { budget, source });
  };

  const give = (ctx: CallContext): void => {
    const share = shares.get(ctx);
    if (share === undefined) return;
    shares.delete(ctx);
    share.budget.give(share.source);
  };

  const budgetOf = ({ rule }: CallContext): Budget => {
    if (rule.access !== Access.PUBLIC) return pending;
    return rule.streaming ? publicStreams : publicCalls;
  };

  return {
    before: {
      admit: (ctx) => {
        calls += 1;
        if (calls > limits.calls) throw overBudget("calls");
        if (ctx.connection.provenBy !== "service") take(ctx, budgetOf(ctx), sourceOf(ctx.ip));
      },
      done: (ctx) => {
        give(ctx);
        calls -= 1;
      },
    },
    after: {
      admit: (ctx) => {
        const { caller } = ctx;
        if (caller.kind === "anonymous") return;
        ctx.admitRequest();
        give(ctx);
        if (caller.kind === "session") take(ctx, sessions, caller.userId);
        connections.prove(ctx.connection, caller.kind);
      },
    },
  };
};
