import type { Jwk } from "../../../generated/curfew/v1/jwk.js";
import type { Clock } from "../../core/ports/clock.js";
import type { SessionStore } from "../../core/ports/session_store.js";
import type { UserStore } from "../../core/ports/user_store.js";
import type { RevocationFeed } from "../../core/revocation/revocation_feed.js";
import type { CoreSettings } from "../../core/settings.js";
import type { UseCases } from "../../core/use_cases.js";
import type { SessionView } from "../conversion/session.js";

/** How this replica stands with one of its stores. */
export interface StoreState {
  readonly store: "postgres" | "redis" | "memory";
  readonly isUp: boolean;
}

/** The dependencies of the services. */
export interface ServiceDeps {
  readonly core: UseCases;
  readonly store: SessionStore;
  readonly users: UserStore;
  readonly revocations: RevocationFeed;
  readonly clock: Clock;
  readonly settings: CoreSettings;
  /** The public keys, as they are now. */
  readonly jwks: () => readonly Jwk[];
  /** The known states of the stores, for health; makes no query. */
  readonly stores: () => readonly StoreState[];
}

export const viewOf = (deps: ServiceDeps, currentSessionId: string): SessionView => ({
  now: deps.clock.now(),
  idleTimeoutMs: deps.settings.idleTimeoutMs,
  currentSessionId,
});
