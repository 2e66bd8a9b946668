import type { Replicas } from "../channel/replicas.js";
import type { ValidatorState } from "../validator.js";
import type { ValidatorError } from "../validator_error.js";
import type { ValidatorSettings } from "../validator_options.js";
import { endedSessions } from "./ended_sessions.js";
import { endedVerdict, type Verdict } from "./ended_verdict.js";
import { createFreshness, type Freshness } from "./freshness.js";
import type { KnownSessions } from "./known_sessions.js";
import { followRevocations, type RevocationFeed } from "./revocation_feed.js";
import type { ServerClock } from "./server_clock.js";
import { sessionWatchers } from "./session_watchers.js";

/** Everything that is known of the ends of sessions. */
export interface Revocations {
  readonly freshness: Freshness;
  /** The feed, if it runs. */
  feed(): RevocationFeed | undefined;
  feedState(now: number): ValidatorState["feed"];
  /** Starts the feed, once. */
  follow(): RevocationFeed;
  verdictOn(sessionId: string): Verdict | undefined;
  /** See EndedSessions. */
  lostAt(): number;
  /** @param relevantUntil when it may be forgotten, on Curfew's clock */
  end(sessionId: string, verdict: Verdict, relevantUntil: number): void;
  watch(sessionId: string, onEnded: (verdict: Verdict) => void): () => void;
  /** How many are remembered. */
  size(): number;
  close(): void;
}

export interface RevocationsOptions {
  readonly settings: ValidatorSettings;
  readonly replicas: Replicas;
  readonly clock: ServerClock;
  readonly known: KnownSessions;
}

/** Most ended sessions that are remembered, some 300 bytes each. */
const CAPACITY = 100_000;
const FORGET_EVERY_MS = 10_000;

export const createRevocations = ({
  settings,
  replicas,
  clock,
  known,
}: RevocationsOptions): Revocations => {
  const freshness = createFreshness(clock, settings.maxStaleness);
  const watchers = sessionWatchers();
  const ended = endedSessions(CAPACITY);
  let feed: RevocationFeed | undefined;
  let forgottenAt = 0;

  const end: Revocations["end"] = (sessionId, verdict, relevantUntil) => {
    ended.add(sessionId, verdict, relevantUntil);
    known.end(sessionId, verdict);
    watchers.ended(sessionId, verdict);
  };

  const heard = (at: number, receivedAt: number): void => {
    clock.heard(receivedAt, at);
    freshness.heard(at, receivedAt);
    if (receivedAt - forgottenAt < FORGET_EVERY_MS) return;
    forgottenAt = receivedAt;
    ended.forget(at);
  };

  return {
    freshness,
    feed: () => feed,
    feedState(now) {
      if (feed === undefined) return "off";
      if (feed.heardAt() === Number.NEGATIVE_INFINITY) return "connecting";
      return freshness.isSilent(now) ? "silent" : "live";
    },
    follow: () => {
      feed ??= followRevocations({
        replicas,
        serviceKey: settings.serviceKey,
        onRevocation: (revocation) =>
          end(
            revocation.sessionId,
            endedVerdict(revocation),
            revocation.relevantUntil?.getTime() ?? Number.POSITIVE_INFINITY,
          ),
        onWatermark: heard,
        onReset() {
          freshness.reset();
          known.clear();
        },
        onProblem: settings.onProblem,
      });
      return feed;
    },
    verdictOn: (sessionId) => ended.verdictOn(sessionId),
    lostAt: () => ended.lostAt(),
    end,
    watch(sessionId, onEnded) {
      const verdict = ended.verdictOn(sessionId);
      if (verdict === undefined) return watchers.add(sessionId, onEnded);
      let isWanted = true;
      queueMicrotask(() => isWanted && onEnded(verdict));
      return () => {
        isWanted = false;
      };
    },
    size: () => ended.size,
    close: () => feed?.close(),
  };
};

/** For `watch` of the public interface. */
export const withError =
  (onEnded: (error: ValidatorError) => void) =>
  (verdict: Verdict): void =>
    onEnded(verdict());
