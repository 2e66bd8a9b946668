import type { Clock } from "../ports/clock.js";
import type { ServiceKey, ServiceKeyStore } from "../ports/service_key_store.js";
import type { ServiceCaller } from "./caller.js";

/** Reloads because of a key that is not known; more often, guessing would be work for Postgres. */
const RELOAD_UNKNOWN_EVERY_MS = 100;

/** Finds the holder of a service key. Keys are kept in memory and read again by `reload`. */
export interface ServiceKeyCheck {
  /** By the SHA-256 of the key's text; undefined: unknown or revoked. Synchronous for known keys. */
  find(hash: string): ServiceCaller | undefined | Promise<ServiceCaller | undefined>;
  /** Reads the keys again. A revoked key is good until then: call it every second. */
  reload(): Promise<void>;
}

export const serviceKeyCheck = (store: ServiceKeyStore, clock: Clock): ServiceKeyCheck => {
  let callers = new Map<string, ServiceCaller>();
  let loading: Promise<void> | undefined;
  let upcoming: Promise<void> | undefined;
  let loadedAt = Number.NEGATIVE_INFINITY;

  const callerOf = ({ name, scopes }: ServiceKey): ServiceCaller => ({
    kind: "service",
    name,
    scopes,
  });
  const load = async (): Promise<void> => {
    const keys = await store.list();
    callers = new Map(
      keys.filter((key) => key.revokedAt === undefined).map((key) => [key.hash, callerOf(key)]),
    );
    loadedAt = clock.monotonic();
  };
  const reload = (): Promise<void> => {
    loading ??= load().finally(() => {
      loading = undefined;
    });
    return loading;
  };
  /** One load for all who ask meanwhile, begun after they asked: a key may have been made just before. */
  const loadFromNowOn = async (): Promise<void> => {
    await loading?.catch(() => undefined);
    await clock.sleep(Math.max(0, loadedAt + RELOAD_UNKNOWN_EVERY_MS - clock.monotonic()));
    upcoming = undefined;
    await reload();
  };

  return {
    reload,
    find(hash) {
      const known = callers.get(hash);
      if (known !== undefined) return known;
      upcoming ??= loadFromNowOn();
      return upcoming.then(() => callers.get(hash));
    },
  };
};
