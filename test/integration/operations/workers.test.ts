import { afterAll, beforeAll, expect, test } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { createValidator } from "../../../src/validator/index.js";
import { waitUntil } from "../../support/wait_until.js";
import { sumOf } from "./served_metrics.js";
import { createUser, openCaller, openSite, type ServedReplica, type Site } from "./site.js";

const CONNECTIONS = 8;
const PROFILE = { method: "curfew.v1.AuthService/GetProfile" };

let site: Site;
let server: ServedReplica;
beforeAll(async () => {
  site = await openSite();
  server = await site.serve({ WORKERS: "2" });
}, 120_000);
afterAll(() => site?.stop());

interface Line {
  readonly pid: number;
  readonly msg: string;
  readonly method?: string;
}

/** The lines that the server has written. Parsing them checks that every line is JSON. */
const lines = (): Line[] =>
  server.process
    .output()
    .split("\n")
    .slice(1, -1)
    .map((line) => JSON.parse(line) as Line);

/** Each a call over a connection of its own that is refused, which is logged. */
const call = async (): Promise<void> => {
  const callers = Array.from({ length: CONNECTIONS }, () => openCaller(server.target));
  const refused = callers.map((caller) => caller.call(AuthServiceService.getProfile, {}));
  for (const answer of await Promise.allSettled(refused)) {
    expect(answer).toMatchObject({ reason: { code: 16 } });
  }
  for (const caller of callers) caller.close();
};
/** How many calls of a method each process has refused. */
const refusals = (method: string): number[] => {
  const counts = new Map<number, number>();
  for (const { msg, pid, method: called } of lines())
    if (msg === "call failed" && called?.endsWith(`/${method}`))
      counts.set(pid, (counts.get(pid) ?? 0) + 1);
  return [...counts.values()];
};
const sum = (counts: number[]): number => counts.reduce((total, count) => total + count, 0);
const answering = (): Set<number> =>
  new Set(lines().flatMap(({ msg, pid }) => (msg === "call failed" ? [pid] : [])));

test("two workers share one port: both answer, and their metrics are one", async () => {
  expect(await site.query("SELECT 1 FROM replicas")).toHaveLength(2);
  await call();
  await waitUntil("both are in the log", () => answering().size === 2);
  expect(answering()).not.toContain(server.process.pid);
  const text = await server.metrics();
  expect(sumOf(text, "curfew_rpc_calls_total", PROFILE)).toBe(CONNECTIONS);
  expect(sumOf(text, "curfew_rpc_duration_seconds_count", PROFILE)).toBe(CONNECTIONS);

  const username = await createUser(server, site.adminKey);
  const { accessToken } = await server.signIn(username);
  const callers = Array.from({ length: CONNECTIONS }, () => openCaller(server.target));
  await Promise.all(callers.map((caller) => caller.validate(accessToken, site.adminKey)));
  await server.call(AuthServiceService.logout, { accessToken, language: "" });
  for (const caller of callers) {
    await expect(caller.validate(accessToken, site.adminKey)).rejects.toMatchObject({ code: 16 });
    caller.close();
  }
}, 120_000);

test("a worker that is killed is replaced", async () => {
  const [killed = 0] = answering();
  process.kill(killed, "SIGKILL");
  const died = () => lines().some(({ msg }) => msg === "a worker died, starting another");
  await waitUntil("its death is told", died);
  const ready = () => lines().filter(({ msg, pid }) => msg === "curfew is ready" && pid !== killed);
  await waitUntil("another is ready", () => ready().length === 2, 60_000);
  await call();
  for (const { pid } of ready()) {
    await waitUntil("both answer", () => answering().has(pid));
  }
}, 120_000);

test("connections go to the workers in turn, those of one validator too", async () => {
  for (let opened = 0; opened < CONNECTIONS; opened++) {
    const caller = openCaller(server.target);
    await expect(caller.call(AuthServiceService.getSessionInfo, {})).rejects.toThrow();
    caller.close();
  }
  await waitUntil("all are in the log", () => sum(refusals("GetSessionInfo")) === CONNECTIONS);
  expect(Math.min(...refusals("GetSessionInfo"))).toBeGreaterThanOrEqual(CONNECTIONS / 2 - 1);
  expect(refusals("GetSessionInfo")).toHaveLength(2);

  const validator = createValidator({
    targets: [server.target],
    serviceKey: "cfs_of_nobody",
    deadlineMs: 20_000,
  });
  for (let asked = 0; asked < CONNECTIONS; asked++)
    await expect(validator.validate("a token")).rejects.toMatchObject({ isOutage: true });
  await validator.close();
  await waitUntil("all are in the log", () => sum(refusals("ValidateTokens")) === CONNECTIONS);
  expect(refusals("ValidateTokens")).toEqual([CONNECTIONS / 2, CONNECTIONS / 2]);
}, 120_000);

test("SIGTERM ends all of them, also when each is told by itself, as systemd does", async () => {
  process.kill(-server.process.pid, "SIGTERM");
  await server.process.stop("SIGTERM");
  expect(lines().filter(({ msg }) => msg === "stopped")).toHaveLength(2);
  // The leases of the stopped processes are gone; the lease of the killed one expires by itself.
  expect(await site.query("SELECT 1 FROM replicas")).toHaveLength(1);
}, 30_000);
