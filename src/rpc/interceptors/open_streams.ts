import { Access } from "../../../generated/curfew/options/v1/options.js";
import { type CurfewError, isUndecided } from "../../core/errors.js";
import type { Authenticate } from "../authenticate.js";
import type { CallContext } from "../call_context.js";
import { failureOf } from "../status.js";
import type { Interceptor } from "./interceptor.js";

/** The streams that are open, which outlive the moment they were let in at. */
export interface OpenStreams extends Interceptor {
  /** Judges all credentials again, now: a session or a key may have ended, here or on another replica. */
  review(): void;
  /** Ends all streams with a failure, and from now on each new one at once. */
  endAll(failure: CurfewError): void;
  /** Stops looking after the streams. */
  close(): void;
}

/** Streams with the same credential and access class, which are judged together. */
interface Group {
  readonly streams: Set<CallContext>;
  isJudged: boolean;
}

/**
 * Tracks streams. It ends those whose caller's session or key has been revoked or has lost its permission, and all of
 * them when the server stops (else the server would wait for them forever). However many streams there are, each
 * credential is checked once a review, and all of a review in one turn, so that the hot store is queried in one batch.
 *
 * @param recheckMs how often credentials are checked again when `review` is not called, in milliseconds; an outage or
 * an overload ends no stream. A check is no use of the session.
 */
export const openStreams = (authenticate: Authenticate, recheckMs: number): OpenStreams => {
  /** Let in since the last review: who called is not known before. */
  const fresh = new Set<CallContext>();
  const groups = new Map<string, Group>();
  const groupOf = new Map<CallContext, string>();
  let stopped: CurfewError | undefined;

  const join = (ctx: CallContext): void => {
    // A caller that needs no credential cannot lose one.
    if (ctx.caller.kind === "anonymous" || ctx.rule.access === Access.PUBLIC) return;
    const key = `${ctx.rule.access} ${ctx.header("authorization")} ${ctx.peerService ?? ""}`;
    const group = groups.get(key) ?? { streams: new Set(), isJudged: false };
    groups.set(key, group);
    group.streams.add(ctx);
    groupOf.set(ctx, key);
    fresh.delete(ctx);
  };

  const leave = (ctx: CallContext): void => {
    fresh.delete(ctx);
    const key = groupOf.get(ctx);
    if (key === undefined) return;
    groupOf.delete(ctx);
    const group = groups.get(key);
    group?.streams.delete(ctx);
    if (group?.streams.size === 0) groups.delete(key);
  };

  const judge = async (group: Group): Promise<void> => {
    const [ctx] = group.streams;
    if (ctx === undefined || group.isJudged) return;
    group.isJudged = true;
    try {
      await authenticate(ctx);
    } catch (error) {
      const failure = failureOf(error);
      if (!isUndecided(failure)) for (const stream of [...group.streams]) stream.end(failure);
    } finally {
      group.isJudged = false;
    }
  };

  const review = (): void => {
    for (const ctx of fresh) join(ctx);
    for (const group of groups.values()) void judge(group);
  };

  const timer = setInterval(review, recheckMs);
  timer.unref();

  return {
    review,
    admit: (ctx) => {
      if (!ctx.rule.streaming) return;
      if (stopped !== undefined) throw stopped;
      fresh.add(ctx);
    },
    done: (ctx) => {
      if (ctx.rule.streaming) leave(ctx);
    },
    endAll: (failure) => {
      stopped = failure;
      for (const ctx of [...fresh, ...groupOf.keys()]) ctx.end(failure);
    },
    close: () => clearInterval(timer),
  };
};
