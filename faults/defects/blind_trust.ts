import { CurfewError, fail } from "../../src/core/errors.js";
import type { HotEntry, Lease } from "../../src/core/ports/hot_store.js";
import type { SessionStatus } from "../../src/core/ports/session_store.js";
import { heartbeatKey } from "../../src/redis/keys.js";
import { redisCommand } from "../../test/support/redis_command.js";
import {
  allCutOff,
  oneCutOff,
  postgresDown,
  redisDown,
  restoredSnapshot,
  rolledBack,
  suspendedMachine,
} from "../scenarios/store_trouble.js";
import { changeCore, changeHot, changeStore } from "./changes.js";
import type { Defect } from "./defect.js";

const REPLICATION_ID_LENGTH = 40;

const isOutage = (failure: unknown): boolean =>
  failure instanceof CurfewError && failure.reason === "DEPENDENCY_UNAVAILABLE";

/** Defects in the use of data while a store is in trouble. */
export const BLIND_TRUST: readonly Defect[] = [
  {
    name: "fail-open on Redis errors: the signature alone decides",
    breaks: ["L1", "L2"],
    scenario: redisDown,
    sabotage: () =>
      changeCore((core, { ports }) => ({
        validateToken: async (input) => {
          const isDown = await ports.hot.identify().then(
            () => false,
            () => true,
          );
          const claims = isDown ? await ports.verifier.verify(input.accessToken) : undefined;
          if (claims === undefined) return core.validateToken(input);
          const session: HotEntry = {
            sessionId: claims.sid,
            userId: claims.sub,
            username: "",
            roles: claims.roles,
            expiresAt: claims.sexp * 1000,
            lastActivityAt: ports.clock.now(),
          };
          return { claims, session };
        },
      })),
  },
  {
    name: "fail-open on Postgres errors: who cannot be looked up is live",
    breaks: ["L1", "L2"],
    scenario: postgresDown,
    sabotage: () =>
      changeStore((store) => {
        const seen = new Map<string, SessionStatus>();
        return {
          async sessionStatuses(ids) {
            try {
              const found = await store.sessionStatuses(ids);
              for (const one of found) if (one && !one.session.end) seen.set(one.session.id, one);
              return found;
            } catch (failure) {
              const remembered = ids.map((id) => seen.get(id));
              if (remembered.every((one) => one === undefined)) throw failure;
              return remembered;
            }
          },
        };
      }),
  },
  {
    name: "an outage is answered as a logout",
    breaks: ["OUTAGE"],
    scenario: postgresDown,
    sabotage: () =>
      changeCore((core) => ({
        validateToken: (input) =>
          core.validateToken(input).catch((failure: unknown) => {
            throw isOutage(failure) ? fail("SESSION_REVOKED_OR_INVALID") : failure;
          }),
      })),
  },
  {
    name: "a store's failure is swallowed and the logout answers OK (CVE-2020-15223)",
    breaks: ["L1", "L4"],
    scenario: postgresDown,
    sabotage: () =>
      changeCore((core) => ({
        logout: (input) =>
          core.logout(input).catch((failure: unknown) => {
            if (isOutage(failure)) return 0n;
            throw failure;
          }),
      })),
  },
  {
    name: "OK although another replica may still believe Redis",
    breaks: ["L1", "L2"],
    scenario: oneCutOff,
    sabotage: () => changeStore(() => ({ invalidatedAmong: async (ids) => [...ids] })),
  },
  {
    name: "Redis is trusted again before it was told what it missed",
    breaks: ["L1", "L2", "L4 unfinished"],
    scenario: allCutOff,
    sabotage: () => changeStore(() => ({ pendingInvalidations: async () => [] })),
  },
  {
    name: "any server is taken for the one that was told",
    breaks: ["L1", "L2"],
    scenario: rolledBack,
    sabotage: () =>
      changeHot((hot) => {
        let firstIds: string[] | undefined;
        const asNow = async (lease: Lease) => ({ ...lease, serverIds: await hot.identify() });
        return {
          check: async (ask, lease) => hot.check(ask, await asNow(lease)),
          fill: async (entry, fillToken, lease) => hot.fill(entry, fillToken, await asNow(lease)),
          async invalidate(revocations) {
            const told = await hot.invalidate(revocations);
            return told.map((one) => ({ ...one, serverId: firstIds?.[one.shard] ?? one.serverId }));
          },
          async identify() {
            const ids = await hot.identify();
            firstIds ??= ids;
            return firstIds;
          },
        };
      }),
  },
  {
    name: "a memory restored from a snapshot is taken for the one that was told",
    breaks: ["L1", "L2"],
    scenario: restoredSnapshot,
    sabotage: () =>
      changeHot((hot, _ports, { redisUrl }) => {
        // As it was before there were heartbeats: a memory without one keeps its name.
        const forget = () => redisCommand(redisUrl, "DEL", heartbeatKey(0));
        return {
          async identify() {
            await forget();
            const [id = ""] = await hot.identify();
            await forget();
            return [id.slice(0, REPLICATION_ID_LENGTH)];
          },
          async check(ask, lease) {
            await forget();
            return hot.check(ask, lease);
          },
        };
      }),
  },
  {
    name: "leases are measured by a clock that stands still while the machine is suspended",
    breaks: ["L1", "L2"],
    scenario: suspendedMachine,
    sabotage: () => ({
      ports: (ports) => ({
        ...ports,
        clock: { ...ports.clock, interruptions: () => 0, isSynchronised: () => true },
      }),
    }),
  },
  {
    name: "what was written before a failover counts after it",
    breaks: ["L1", "L2"],
    scenario: rolledBack,
    sabotage: () => ({
      ports: (ports) => ({
        ...ports,
        registry: {
          ...ports.registry,
          async renew(serverIds, leaseMs) {
            const renewal = await ports.registry.renew(serverIds, leaseMs);
            const { lease } = renewal;
            return {
              ...renewal,
              lease: lease && { ...lease, epochs: lease.epochs.map(() => "1") },
            };
          },
        },
      }),
    }),
  },
];
