import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { waitUntil } from "../../support/wait_until.js";
import { sumOf } from "./served_metrics.js";
import { createUser, openSite, type ServedReplica, type Site } from "./site.js";

const RETENTION_MINUTES = 60;

let site: Site;
beforeAll(async () => {
  site = await openSite({ AUDIT_RETENTION_HOURS: String(RETENTION_MINUTES / 60) });
});
afterAll(() => site?.stop());

const cleanups = async (replica: ServedReplica): Promise<number> =>
  sumOf(await replica.metrics(), "curfew_job_runs_total", { job: "cleanup", outcome: "ok" });
const cleaned = async (replica: ServedReplica): Promise<number> =>
  sumOf(await replica.metrics(), "curfew_cleaned_sessions_total");
const holder = async (): Promise<string | undefined> =>
  (
    await site.query<{ holder: string }>(
      "SELECT holder FROM job_leases WHERE job = 'cleanup' AND until > clock_timestamp()",
    )
  )[0]?.holder;

/** Makes a session that ended so long ago that a cleanup deletes it; resolves to its id. */
const makeOldSession = async (replica: ServedReplica): Promise<string> => {
  const username = await createUser(replica, site.adminKey);
  const old = await replica.signIn(username);
  // The newest revocation stays, since it holds the last revision.
  for (const { accessToken } of [old, await replica.signIn(username)])
    await replica.call(AuthServiceService.logout, { accessToken, language: "" });
  const aged = await site.query<{ session_id: string }>(
    `UPDATE sessions SET revoked_at = revoked_at - interval '1 year',
       relevant_until = relevant_until - interval '1 year', hot_pending = false
     WHERE session_id = $1 RETURNING session_id`,
    [old.session?.sessionId],
  );
  return aged[0]?.session_id ?? "";
};
const isOnRecord = async (sessionId: string): Promise<boolean> =>
  (await site.query("SELECT 1 FROM sessions WHERE session_id = $1", [sessionId])).length === 1;

describe("what goes on in the background", () => {
  test("the leader of the cleanup is killed, and another replica cleans up", async () => {
    const leader = await site.serve();
    await waitUntil("it leads", async () => (await holder()) !== undefined);
    const first = await holder();
    const standby = await site.serve();
    await waitUntil("both have looked", async () => (await cleanups(standby)) > 0);
    const old = await makeOldSession(standby);
    expect(await holder()).toBe(first);
    expect(await isOnRecord(old)).toBe(true);

    await leader.process.stop("SIGKILL");
    expect(await holder()).toBe(first);
    // The minute in which a job stays with a replica that says nothing.
    await site.query("UPDATE job_leases SET until = clock_timestamp()");
    // Replicas look every minute, and half a second after their start.
    const next = await site.serve();
    await waitUntil("another leads", async () => ![undefined, first].includes(await holder()));
    await waitUntil("it has cleaned up", async () => !(await isOnRecord(old)));
    await waitUntil("it has counted that", async () => (await cleaned(next)) === 1);
    expect(await cleaned(standby)).toBe(0);
    await Promise.all([standby, next].map((replica) => replica.process.stop("SIGTERM")));
    // A stopping process leaves the job at once.
    expect(await holder()).toBeUndefined();
  }, 120_000);

  test("security events go after AUDIT_RETENTION_HOURS, and not before", async () => {
    const replica = await site.serve();
    const kinds = async (username: string): Promise<string[]> =>
      (
        await site.query<{ type: string }>(
          `SELECT type FROM audit_events WHERE user_id = (
             SELECT user_id::text FROM users WHERE username = $1)
           AND type IN ('USER_CREATED', 'LOGIN') ORDER BY event_id`,
          [username],
        )
      ).map(({ type }) => type);
    /** As if they had happened earlier. */
    const age = (kind: string, minutes: number) =>
      site.query("UPDATE audit_events SET at = at - $1 * interval '1 minute' WHERE type = $2", [
        minutes,
        kind,
      ]);
    const username = await createUser(replica, site.adminKey);
    await replica.signIn(username);
    expect(await kinds(username)).toEqual(["USER_CREATED", "LOGIN"]);
    await age("USER_CREATED", RETENTION_MINUTES + 1);
    await age("LOGIN", RETENTION_MINUTES - 5);
    await site.administer(replica, "sessions", "cleanup");
    expect(await kinds(username)).toEqual(["LOGIN"]);
    await age("LOGIN", 6);
    await site.administer(replica, "sessions", "cleanup");
    expect(await kinds(username)).toEqual([]);
  }, 120_000);
});
