import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createGateway } from "../../../src/gateway/index.js";
import { type Fixture, startFixture } from "./fixture.js";
import { DESCRIPTORS } from "./stub_service.js";

let fixture: Fixture;
let development: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
  development = await startFixture({ development: true });
});
beforeEach(() => fixture.stub.setServing(true));
afterAll(async () => {
  await fixture.stop();
  await development.stop();
});

const get = (url: string) => fixture.send({ method: "GET", url });

const PATIENT = { timeout: 20_000 };

describe("health", () => {
  test("/healthz says that the gateway lives", async () => {
    fixture.stub.setServing(false);
    expect((await get("/healthz")).json()).toEqual({ status: "ok" });
  });

  test("/readyz says what the service says", async () => {
    // The gateway gives the service a second, which a busy machine may need to connect.
    await expect.poll(async () => (await get("/readyz")).statusCode, PATIENT).toBe(200);
    fixture.stub.setServing(false);
    const answer = await get("/readyz");
    expect(answer.statusCode).toBe(503);
    expect(answer.json().code).toBe("dependency_unavailable");
    expect(answer.headers["retry-after"]).toBe("1");
  });
});

describe("headers", () => {
  test("answers are not stored, except those that are alike for everybody", async () => {
    expect((await get("/auth/profile")).headers["cache-control"]).toBe("no-store");
    const keys = await get("/.well-known/jwks.json");
    expect(keys.headers["cache-control"]).toBe("public, max-age=300");
  });

  test("helmet's are there", async () => {
    const { headers } = await get("/auth/profile");
    expect(headers["content-security-policy"]).toBe("default-src 'none';frame-ancestors 'none'");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["strict-transport-security"]).toBe("max-age=31536000");
    expect(headers["x-frame-options"]).toBe("DENY");
    expect(headers).not.toHaveProperty("x-powered-by");
  });

  test('refuses to start with the origin "*"', async () => {
    const started = createGateway({
      target: fixture.stub.target,
      descriptors: DESCRIPTORS,
      issuer: "https://auth.example",
      corsOrigins: ["*"],
      trustedProxies: [],
      development: false,
      logger: false,
    });
    await expect(started).rejects.toThrow(/CORS_ORIGINS/);
  });
});

describe("/docs", () => {
  test("renders the document with files of this host only", async () => {
    const page = await get("/docs");
    expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(page.headers["content-security-policy"]).toContain("script-src 'self'");
    const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? "");
    expect(links).toContain("/docs/swagger-ui-bundle.js");
    for (const link of links) {
      expect(link).toMatch(/^\/docs\//);
      expect((await get(link)).statusCode, link).toBe(200);
    }
    expect((await get("/docs/start.js")).body).toContain('url: "/openapi.json"');
  });
});

describe("development", () => {
  test("serves the client as a module", async () => {
    const entry = await development.send({ method: "GET", url: "/assets/curfew-client.js" });
    expect(entry.statusCode).toBe(200);
    expect(entry.headers["content-type"]).toBe("text/javascript; charset=utf-8");
    expect(entry.body).toContain("SessionManager");
  });

  test("serves the example with its files", async () => {
    const page = await development.send({ method: "GET", url: "/example/" });
    expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
    const links = [...page.body.matchAll(/(?:src|href)="([^":]+)"/g)].map(([, link]) => link ?? "");
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) {
      const { pathname } = new URL(link, "http://x/example/");
      const answer = await development.send({ method: "GET", url: pathname });
      expect(answer.statusCode, pathname).toBe(200);
    }
    for (const url of ["/", "/example"]) {
      const short = await development.send({ method: "GET", url });
      expect(short.headers.location).toBe("/example/");
    }
  });

  test("production has neither client nor example", async () => {
    expect((await get("/assets/curfew-client.js")).statusCode).toBe(404);
    expect((await get("/example/")).statusCode).toBe(404);
  });
});
