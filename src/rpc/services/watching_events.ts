import type { SessionAdminService } from "../../../generated/curfew/v1/session_admin.js";
import { eventToProto, eventTypesFromProto } from "../conversion/audit_event.js";
import type { HandlersOf } from "../handlers.js";
import type { ServiceDeps } from "./service_deps.js";

/** The stream of security events. */
export const watchingEvents = ({
  core,
}: ServiceDeps): Pick<HandlersOf<typeof SessionAdminService>, "watchSessionEvents"> => ({
  async *watchSessionEvents({ types, afterCursor }, call) {
    const wanted = eventTypesFromProto(types);
    for await (const event of core.sessionEvents.watch(afterCursor, wanted, call.signal))
      yield { event: eventToProto(event) };
  },
});
