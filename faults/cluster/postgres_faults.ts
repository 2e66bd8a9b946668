import { setTimeout as wait } from "node:timers/promises";
import type { ClusterFault, Trouble } from "./fault.js";
import {
  crashPostgres,
  holdTable,
  restartPostgres,
  terminateBackends,
} from "./postgres_trouble.js";

type Play = (trouble: Trouble) => Promise<unknown>;

const onPostgres =
  (play: Play): Play =>
  (trouble) =>
    trouble.cluster.postgresExclusively(() => play(trouble));

export const postgresFaults: readonly ClusterFault[] = [
  {
    name: "Postgres killed (kill -9) and started again",
    lastsMs: [0, 1500],
    play: onPostgres(async ({ cluster: { postgres }, lastsMs }) => {
      await crashPostgres(postgres);
      await wait(lastsMs);
      await restartPostgres(postgres);
    }),
  },
  {
    name: "Postgres frozen (SIGSTOP)",
    lastsMs: [100, 2000],
    play: onPostgres(async ({ cluster: { postgres }, lastsMs }) => {
      postgres.pause();
      await wait(lastsMs);
      postgres.resume();
    }),
  },
  {
    name: "Postgres failover, the primary killed",
    lastsMs: [0, 1000],
    play: onPostgres(({ cluster: { postgres }, lastsMs }) =>
      postgres.failOver(async (primary, promote) => {
        await primary.stop("immediate");
        await wait(lastsMs);
        await promote();
      }),
    ),
  },
  {
    name: "Postgres failover, the former primary goes on for a while",
    lastsMs: [0, 4000],
    play: onPostgres(({ cluster: { postgres }, lastsMs }) =>
      postgres.failOver(async (primary, promote) => {
        await promote();
        await wait(lastsMs);
        await primary.stop("immediate");
      }),
    ),
  },
  {
    name: "pg_terminate_backend of all",
    lastsMs: [0, 0],
    play: onPostgres(({ cluster: { postgres } }) => terminateBackends(postgres.url)),
  },
  {
    name: "pools exhausted behind a locked table",
    lastsMs: [200, 3000],
    play: onPostgres(({ cluster: { postgres }, lastsMs, random }) => {
      const table = random.pick(["sessions", "users", "replicas", "audit_events"]);
      return holdTable(postgres.url, table, lastsMs);
    }),
  },
  {
    name: "one replica cut off from Postgres",
    lastsMs: [100, 4000],
    play: ({ replica, lastsMs, random }) =>
      replica.exclusively(async () => {
        const { postgresLink } = replica;
        const direction = random.pick(["requests", "answers", "both"] as const);
        if (random.chance(0.5)) postgresLink.cut();
        else postgresLink.hang(direction);
        await wait(lastsMs);
        postgresLink.restore();
      }),
  },
];
