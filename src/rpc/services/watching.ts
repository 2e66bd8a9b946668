import type { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import type { SessionAdminService } from "../../../generated/curfew/v1/session_admin.js";
import { fail } from "../../core/errors.js";
import type { HandlersOf } from "../handlers.js";

/** The streams of what happens. This server does not have them. */
export const watching = (): {
  auth: Pick<HandlersOf<typeof AuthServiceService>, "watchRevocations">;
  admin: Pick<HandlersOf<typeof SessionAdminService>, "watchSessionEvents">;
} => {
  const none = (): AsyncIterable<never> => {
    throw fail("UNIMPLEMENTED");
  };
  return { auth: { watchRevocations: none }, admin: { watchSessionEvents: none } };
};
