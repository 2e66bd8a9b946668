import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { makePrivateFolder } from "../../support/private_folder.js";
import { waitUntil } from "../../support/wait_until.js";
import { createUser, openSite, type ServedReplica, type Site } from "./site.js";

const ROUNDS = 12;

let site: Site;
beforeAll(async () => {
  site = await openSite();
}, 120_000);
afterAll(() => site?.stop());

const outcome = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "OK",
    (error: { code?: number }) => status[error.code ?? 2] ?? "?",
  );

test("L1 L4 two replicas without Redis: every logout is OK at the first call, on either, and in force on both", async () => {
  // One after the other, so that the first has its lease when the second comes.
  const replicas: ServedReplica[] = [];
  for (let i = 0; i < 2; i++) replicas.push(await site.serve({ REDIS_URL: "" }));
  const [first, second] = replicas as [ServedReplica, ServedReplica];
  const name = await createUser(first, site.adminKey);
  for (let round = 0; round < ROUNDS; round++) {
    const { accessToken } = await first.signIn(name);
    for (const replica of replicas) await replica.validate(accessToken, site.adminKey);
    const revocation = round % 2 === 0 ? second : first;
    expect(
      await outcome(revocation.call(AuthServiceService.logout, { accessToken, language: "" })),
    ).toBe("OK");
    for (const replica of replicas)
      expect(await outcome(replica.validate(accessToken, site.adminKey))).toBe("UNAUTHENTICATED");
  }
  const leases = () =>
    site.query("SELECT 1 FROM replicas WHERE trusts_until > now() AND server_ids IS NOT NULL");
  await waitUntil("nobody answers from its own memory", async () => (await leases()).length === 0);
  // Alone again, the one that is left does.
  await first.process.stop("SIGTERM");
  await waitUntil("the other does again", async () => (await leases()).length === 1);
}, 120_000);

test("L3 the embedded store after kill -9: the next start logs out and validates at once", async () => {
  const folder = makePrivateFolder("embedded");
  const environment = {
    DATABASE_URL: "",
    REDIS_URL: "",
    DATA_DIR: folder,
    SERVICE_AUTH: "none",
    BOOTSTRAP_ADMIN_USERNAME: "ada",
    BOOTSTRAP_ADMIN_PASSWORD: "a perfectly fine passphrase",
  };
  const killed = await site.serve(environment);
  const tokens: string[] = [];
  for (let logins = 0; logins < 3; logins++) tokens.push((await killed.signIn("ada")).accessToken);
  for (const token of tokens) await killed.call(AuthServiceService.validateToken, ask(token));
  await killed.process.stop("SIGKILL");

  const next = await site.serve(environment);
  const [ended = "", live = ""] = tokens;
  expect(await outcome(next.call(AuthServiceService.validateToken, ask(live)))).toBe("OK");
  expect(
    await outcome(next.call(AuthServiceService.logout, { accessToken: ended, language: "" })),
  ).toBe("OK");
  expect(await outcome(next.call(AuthServiceService.validateToken, ask(ended)))).toBe(
    "UNAUTHENTICATED",
  );
  expect(await outcome(next.call(AuthServiceService.validateToken, ask(live)))).toBe("OK");
}, 180_000);

const ask = (accessToken: string) => ({ accessToken, audience: "", skipActivity: false });
