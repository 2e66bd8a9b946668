import type { SessionStore } from "../ports/session_store.js";
import type { CacheLease } from "./cache_lease.js";

type ReadLease = Pick<CacheLease, "requireReadLease" | "awaitReadLease">;

/**
 * Refuses answers of the primary store while this replica cannot prove that the store is still the primary. A former
 * primary that is cut off after a failover keeps answering reads, and has no later revocation. With synchronous
 * replication it cannot commit, so it cannot renew the lease: its answers count until the lease ends, and the new
 * primary confirms no revocation before (L1).
 *
 * A verdict is refused as well as a success: the former primary does not know
 * the newest refresh token, and would call it invalid.
 */
export const withReadLease = <Ports extends { readonly store: SessionStore }>(
  ports: Ports,
  lease: ReadLease,
): Ports => {
  const leased = Object.fromEntries(
    Object.entries(ports).map(([name, port]: [string, object]) => [name, leasedPort(port, lease)]),
  ) as Ports;
  return {
    ...leased,
    store: {
      ...leased.store,
      async transaction(work, call) {
        await lease.awaitReadLease();
        try {
          return await ports.store.transaction(async (tx) => {
            const result = await work(tx);
            lease.requireReadLease();
            return result;
          }, call);
        } catch (error) {
          lease.requireReadLease();
          throw error;
        }
      },
    } satisfies SessionStore,
  };
};

type Method = (...args: unknown[]) => unknown;

const leasedPort = (port: object, lease: ReadLease): object =>
  Object.fromEntries(
    Object.entries(port).map(([name, method]: [string, Method]) => [
      name,
      async (...args: unknown[]) => {
        await lease.awaitReadLease();
        try {
          return await method(...args);
        } finally {
          lease.requireReadLease();
        }
      },
    ]),
  );
