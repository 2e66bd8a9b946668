import type {
  AuthServiceService,
  WatchRevocationsResponse,
} from "../../../generated/curfew/v1/auth_service.js";
import type { Revocation, RevocationEvent, Watermark } from "../../core/revocation/revocation.js";
import type { RevocationFeed } from "../../core/revocation/revocation_feed.js";
import { date, reasonToProto } from "../conversion/session.js";
import type { HandlersOf } from "../handlers.js";

const ofRevocation = (revocation: Revocation): WatchRevocationsResponse => ({
  event: {
    $case: "revocation",
    value: {
      revision: revocation.revision,
      sessionId: revocation.sessionId,
      userId: revocation.userId,
      reason: reasonToProto(revocation.reason),
      revokedAt: date(revocation.at),
      relevantUntil: date(revocation.relevantUntil),
    },
  },
});

const ofWatermark = ({ revision, at }: Watermark): WatchRevocationsResponse => ({
  event: { $case: "watermark", value: { revision, at: date(at) } },
});

const toProto = (event: RevocationEvent): WatchRevocationsResponse =>
  event.kind === "revocation" ? ofRevocation(event.revocation) : ofWatermark(event.watermark);

/** The stream of revocations, for validators that keep a list of their own. */
export const watchingRevocations = (
  feed: Pick<RevocationFeed, "watch">,
): Pick<HandlersOf<typeof AuthServiceService>, "watchRevocations"> => ({
  async *watchRevocations({ afterRevision }, { signal }) {
    for await (const event of feed.watch(afterRevision, signal)) yield toProto(event);
  },
});
