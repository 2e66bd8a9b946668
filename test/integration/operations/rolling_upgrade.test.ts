import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { waitUntil } from "../../support/wait_until.js";
import { readDocument, snippetsOf } from "../docs/document.js";
import { sumOf } from "./served_metrics.js";
import { createUser, openCaller, openSite, type ServedReplica, type Site } from "./site.js";

/** The settings that the documents advise clients to use. */
const [retries] = snippetsOf(readDocument("backends.md")).filter(
  ({ language }) => language === "json",
);
const RETRYING = {
  "grpc.service_config": retries?.text ?? "",
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2000,
};
/** So many calls after each step show that it went on. */
const SOME_CALLS = 40;

let site: Site;
let replicas: readonly [ServedReplica, ServedReplica];
beforeAll(async () => {
  site = await openSite({
    NODE_ENV: "production",
    JWT_ISSUER: "https://login.example.com",
    KEY_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
  });
  replicas = [await site.serve(), await site.serve()];
}, 120_000);
afterAll(() => site?.stop());

test("an upgrade replaces one replica after the other, and no call of a client that retries fails", async () => {
  const targets = replicas.map(({ target }) => target).join(",");
  const client = openCaller(`ipv4:${targets}`, RETRYING);
  const users = [await createUser(client, site.adminKey), await createUser(client, site.adminKey)];
  const failures: unknown[] = [];
  let calls = 0;
  let isOver = false;

  /** Signs in, works, keeps the tokens fresh, signs out, and so on. */
  const use = async (username: string): Promise<void> => {
    const { refreshToken, accessToken } = await client.signIn(username);
    let tokens = { refreshToken, accessToken };
    for (let round = 0; round < 5 && !isOver; round++) {
      await client.validate(tokens.accessToken, site.adminKey);
      const request = { refreshToken: tokens.refreshToken, language: "" };
      tokens = await client.call(AuthServiceService.refreshTokens, request);
      calls += 2;
    }
    await client.call(AuthServiceService.logout, { accessToken: tokens.accessToken, language: "" });
  };
  const visit = async (username: string): Promise<void> => {
    while (!isOver) await use(username).catch((error: unknown) => failures.push(error));
  };

  const kept = await client.signIn(users[0] ?? "");
  expect(await site.curfew("migrate", "status")).toContain("The schema is up to date.");
  await site.curfew("migrate", "up");
  const visitors = users.map(visit);
  const working = async (): Promise<void> => {
    const before = calls;
    await waitUntil("the clients have worked on", () => calls > before + SOME_CALLS, 20_000);
  };
  try {
    await working();
    for (const replica of replicas) {
      await replica.process.stop("SIGTERM");
      expect(replica.process.output()).toContain('"msg":"stopped"');
      // Its lease is given up at once, so that revocations need not wait for it.
      expect(await site.query("SELECT 1 FROM replicas")).toHaveLength(1);
      await working();
      const next = await site.serve(replica.environment);
      await waitUntil(
        "the clients have found it",
        async () => sumOf(await next.metrics(), "curfew_rpc_calls_total", { code: "OK" }) > 10,
        30_000,
      );
    }
    await working();
  } finally {
    isOver = true;
    await Promise.all(visitors);
  }
  expect(failures).toEqual([]);
  for (const { target } of replicas) {
    expect(await site.curfew("health", "--target", target)).toBe("SERVING\n");
  }
  await client.validate(kept.accessToken, site.adminKey);
  client.close();
}, 120_000);
