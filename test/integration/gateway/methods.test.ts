import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Fixture, startFixture } from "./fixture.js";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
  await fixture.gateway.listen({ host: "127.0.0.1", port: 0 });
});
beforeEach(() => fixture.stub.reset());
afterAll(() => fixture.stop());

/** Bytes after the header of an answer, over a real socket. */
const bytesOf = (method: string, path: string): Promise<{ length: number; type: unknown }> =>
  new Promise((resolve, reject) => {
    const { port } = fixture.gateway.server.address() as AddressInfo;
    const sent = httpRequest(
      { port, host: "127.0.0.1", agent: false, method, path },
      (response) => {
        let length = 0;
        response.on("data", (chunk: Buffer) => {
          length += chunk.length;
        });
        response.on("end", () => resolve({ length, type: response.headers["content-type"] }));
      },
    );
    sent.on("error", reject);
    sent.end();
  });

describe("HEAD", () => {
  test("answers like GET, without a body", async () => {
    const path = "/api/v1/auth/sessions";
    const got = await bytesOf("GET", path);
    const head = await bytesOf("HEAD", path);
    expect(got.length).toBeGreaterThan(0);
    expect(head).toEqual({ length: 0, type: got.type });
    expect(fixture.stub.calls.map(({ method }) => method)).toEqual([
      "ListMySessions",
      "ListMySessions",
    ]);
  });

  test("is 405 where there is no GET", async () => {
    const answer = await fixture.send({ method: "HEAD", url: "/auth/login" });
    expect(answer.statusCode).toBe(405);
  });

  test("is 404 for an unknown path", async () => {
    expect((await fixture.send({ method: "HEAD", url: "/nowhere" })).statusCode).toBe(404);
  });
});

describe("OPTIONS", () => {
  test.each([
    ["/auth/login", "POST, OPTIONS"],
    ["/api/v1/admin/users/u1", "DELETE, GET, HEAD, PATCH, OPTIONS"],
    ["/api/v1/admin/users", "GET, HEAD, POST, OPTIONS"],
    ["/healthz", "GET, HEAD, OPTIONS"],
  ])("%s names its methods", async (url, allow) => {
    const answer = await fixture.send({ method: "OPTIONS", url });
    expect(answer.statusCode).toBe(204);
    expect(answer.headers.allow).toBe(allow);
    expect(answer.body).toBe("");
  });

  test("is 404 for an unknown path", async () => {
    const answer = await fixture.send({ method: "OPTIONS", url: "/nowhere" });
    expect(answer.statusCode).toBe(404);
    expect(answer.json().code).toBe("not_found");
  });

  const preflight = (origin: string) =>
    fixture.send({
      method: "OPTIONS",
      url: "/auth/login",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-session-mode",
      },
    });

  test("lets pages of a listed origin call with cookies", async () => {
    const answer = await preflight("https://app.example");
    expect(answer.statusCode).toBe(204);
    expect(answer.headers).toMatchObject({
      "access-control-allow-origin": "https://app.example",
      "access-control-allow-credentials": "true",
      "access-control-max-age": "600",
    });
    expect(answer.headers["access-control-allow-headers"]).toContain("x-session-mode");
    expect(String(answer.headers.vary)).toContain("Origin");
  });

  test.each([
    ["https://evil.example"],
    ["null"],
    ["https://app.example.evil.example"],
    ["http://app.example"],
  ])("gives no permission to %s", async (origin) => {
    const answer = await preflight(origin);
    expect(answer.headers).not.toHaveProperty("access-control-allow-origin");
    expect(answer.headers).not.toHaveProperty("access-control-allow-credentials");
  });
});

describe("other methods and paths", () => {
  test.each([
    ["GET", "/auth/login"],
    ["PUT", "/api/v1/admin/users/u1"],
    ["DELETE", "/api/v1/auth/profile"],
    ["GET", "/api/v1/admin/sessions/cleanup"],
    ["GET", "/api/v1/admin/sessions/s1:revoke"],
    ["POST", "/api/v1/admin/users/u1:fly"],
    ["POST", "/healthz"],
    ["DELETE", "/docs"],
  ] as const)("405 for %s %s, with what is allowed", async (method, url) => {
    const answer = await fixture.send({ method, url });
    expect(answer.statusCode).toBe(405);
    expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
    expect(String(answer.headers.allow)).toMatch(/OPTIONS$/);
    expect(String(answer.headers.allow)).not.toContain(method);
    expect(fixture.stub.calls).toHaveLength(0);
  });

  test.each([
    ["GET", "/"],
    ["GET", "/nowhere"],
    ["POST", "/nowhere"],
    ["GET", "/api/v1/auth/profile/"],
    ["GET", "//api/v1/auth/profile"],
    ["GET", "/API/v1/auth/profile"],
    ["GET", "/docs/../../package.json"],
    ["GET", "/example/"],
  ] as const)("404 for %s %s", async (method, url) => {
    const answer = await fixture.send({ method, url });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({ code: "not_found", status: 404 });
  });

  test("an unknown path is 404 whatever it carries", async () => {
    const answer = await fixture.post("/nowhere", "{{{", { "content-type": "x/y" });
    expect(answer.statusCode).toBe(404);
  });
});
