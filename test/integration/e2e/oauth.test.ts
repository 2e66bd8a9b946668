import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { localAdmin } from "../../../src/main.js";
import { findFreePort } from "../../support/free_port.js";
import { startTestService, type TestService } from "../../support/service.js";

let service: TestService;
/** As oauth4webapi discovers it from the issuer's URL. */
let server: oauth.AuthorizationServer;
let key: string;
const KEY_NAME = "orders";
const client: oauth.Client = { client_id: KEY_NAME };
const http = { [oauth.allowInsecureRequests]: true };

beforeAll(async () => {
  const port = await findFreePort();
  const issuer = `http://localhost:${port}`;
  service = await startTestService({ HTTP_PORT: String(port), JWT_ISSUER: issuer });
  const made = await localAdmin.createServiceKey(service.settings, {
    name: KEY_NAME,
    scopes: ["validate"],
  });
  key = made.text;
  const url = new URL(issuer);
  const discovered = await oauth.discoveryRequest(url, { ...http, algorithm: "oauth2" });
  server = await oauth.processDiscoveryResponse(url, discovered);
});
afterAll(() => service?.stop());

const introspect = async (token: string, as = oauth.ClientSecretBasic(key), who = client) => {
  const response = await oauth.introspectionRequest(server, who, as, token, http);
  return oauth.processIntrospectionResponse(server, who, response);
};

const revoke = async (token: string) => {
  const response = await oauth.revocationRequest(server, client, oauth.None(), token, http);
  await oauth.processRevocationResponse(response);
};

const signIn = async (...roles: string[]) => {
  const user = await service.createUser(roles);
  return { ...(await service.signIn(user.username)), user };
};

describe("introspection (RFC 7662) by a stock client", () => {
  test.each([
    ["client_secret_basic", () => oauth.ClientSecretBasic(key)],
    ["client_secret_post", () => oauth.ClientSecretPost(key)],
  ])("with %s tells what an access token is good for", async (_method, as) => {
    const { user, accessToken, session } = await signIn("auditor");
    const answer = await introspect(accessToken, as());
    expect(answer).toMatchObject({
      active: true,
      iss: service.settings.jwtIssuer,
      aud: service.settings.jwtAudience,
      sub: user.userId,
      sid: session?.sessionId,
      username: user.username,
      scope: "auditor",
      amr: ["pwd"],
      client_id: "curfew",
      token_type: "Bearer",
    });
    expect(answer.exp).toBeGreaterThan(Date.now() / 1000);
    expect(answer.jti).toBeTruthy();
  });

  test("tells of a refresh token, without exchanging it", async () => {
    const { user, refreshToken, session } = await signIn();
    const recorded = () =>
      service.query(
        "SELECT refresh_generation, last_activity_at FROM sessions WHERE session_id = $1",
        [session?.sessionId],
      );
    const before = await recorded();
    for (let i = 0; i < 3; i += 1)
      expect(await introspect(refreshToken)).toMatchObject({
        active: true,
        sub: user.userId,
        sid: session?.sessionId,
        client_id: "curfew",
        token_type: "refresh_token",
      });
    expect(await recorded()).toEqual(before);
  });

  test.each(["nonsense", "cfr_nonsense", "a.b.c"])("tells nothing of %s", async (token) => {
    expect(await introspect(token)).toEqual({ active: false });
  });

  test.each([
    ["a wrong secret", KEY_NAME, () => oauth.ClientSecretBasic("cfs_wrong")],
    ["no service key", KEY_NAME, () => oauth.ClientSecretBasic("wrong")],
    ["another key's name", "billing", () => oauth.ClientSecretBasic(key)],
    ["another key's name in the body", "billing", () => oauth.ClientSecretPost(key)],
  ])("refuses %s with 401", async (_what, id, as) => {
    const { accessToken, refreshToken } = await signIn();
    for (const token of [accessToken, refreshToken])
      await expect(introspect(token, as(), { client_id: id })).rejects.toMatchObject({
        status: 401,
        cause: [{ scheme: "basic" }],
      });
  });
});

describe("L1 revocation (RFC 7009) by a stock client", () => {
  test.each(["accessToken", "refreshToken"] as const)(
    "of the %s ends the session: both tokens are inactive at once",
    async (which) => {
      const tokens = await signIn();
      await revoke(tokens[which]);
      expect(await introspect(tokens.accessToken)).toEqual({ active: false });
      expect(await introspect(tokens.refreshToken)).toEqual({ active: false });
      await revoke(tokens[which]);
    },
  );

  test("of an unknown token is OK", async () => {
    await revoke("nonsense");
    await revoke("cfr_nonsense");
  });
});
