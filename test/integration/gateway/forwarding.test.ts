import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Fixture, startFixture } from "./fixture.js";

describe("a call", () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await startFixture();
  });
  beforeEach(() => fixture.stub.reset());
  afterAll(() => fixture.stop());

  const TRACE = {
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    tracestate: "a=b",
  };

  test("D8 carries the trace of a trusted proxy, and of nobody else", async () => {
    const behindProxy = await startFixture({ trustedProxies: ["127.0.0.1"] });
    await behindProxy.send({ method: "GET", url: "/auth/profile", headers: TRACE });
    const { metadata } = behindProxy.stub.last();
    await behindProxy.stop();
    expect(metadata.get("traceparent")).toEqual([TRACE.traceparent]);
    expect(metadata.get("tracestate")).toEqual(["a=b"]);
    const ofStranger = await forwarded(TRACE);
    expect(ofStranger.get("traceparent")).toEqual([]);
    expect(ofStranger.get("tracestate")).toEqual([]);
  });

  const forwarded = async (headers: Record<string, string>) => {
    await fixture.send({ method: "GET", url: "/auth/profile", headers });
    return fixture.stub.last().metadata;
  };

  test("carries who calls, and how", async () => {
    const metadata = await forwarded({
      authorization: "Bearer t",
      "accept-language": "fa, en;q=0.5",
      "user-agent": "Browser/1.0",
      "x-request-id": "r-1",
    });
    expect(metadata.get("authorization")).toEqual(["Bearer t"]);
    expect(metadata.get("accept-language")).toEqual(["fa, en;q=0.5"]);
    expect(metadata.get("x-forwarded-user-agent")).toEqual(["Browser/1.0"]);
    expect(metadata.get("x-request-id")).toEqual(["r-1"]);
  });

  test("carries nothing else, and no malformed trace", async () => {
    const metadata = await forwarded({
      traceparent: "00-xyz",
      tracestate: "a=b",
      "x-forwarded-user-agent": "forged",
      "x-internal": "1",
      cookie: "other=1",
    });
    for (const name of ["traceparent", "tracestate", "x-internal", "cookie"]) {
      expect(metadata.get(name)).toEqual([]);
    }
    expect(metadata.get("x-forwarded-user-agent")).not.toContain("forged");
  });

  test("goes over one connection after the other, however few calls there are", async () => {
    for (let call = 0; call < 8; call++) await forwarded({});
    expect(new Set(fixture.stub.calls.map(({ peer }) => peer)).size).toBe(4);
  });

  test("is printable whatever the headers hold", async () => {
    const metadata = await forwarded({ authorization: "Bearer \u00e4", "user-agent": "\u00ff" });
    expect(metadata.get("authorization")).toEqual(["Bearer ?"]);
    expect(metadata.get("x-forwarded-user-agent")).toEqual(["?"]);
  });

  test("an untrusted peer's X-Forwarded-For is not believed", async () => {
    const metadata = await forwarded({ "x-forwarded-for": "203.0.113.9" });
    expect(metadata.get("x-forwarded-for")).toEqual(["127.0.0.1"]);
  });
});

describe("behind trusted proxies", () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await startFixture({ trustedProxies: ["127.0.0.1", "10.0.0.0/8"] });
  });
  afterAll(() => fixture.stop());

  test.each([
    ["203.0.113.9", "203.0.113.9, 127.0.0.1"],
    ["198.51.100.1, 203.0.113.9, 10.1.2.3", "203.0.113.9, 10.1.2.3, 127.0.0.1"],
    ["::ffff:203.0.113.9", "203.0.113.9, 127.0.0.1"],
    ["2001:db8::1", "2001:db8::1, 127.0.0.1"],
    ["203.0.113.9:51234", "203.0.113.9, 127.0.0.1"],
    ["[2001:db8::1]:443, 10.1.2.3:80", "2001:db8::1, 10.1.2.3, 127.0.0.1"],
    ["[2001:db8::1]", "2001:db8::1, 127.0.0.1"],
    ["nonsense", "127.0.0.1"],
    ["\u00a0203.0.113.9", "127.0.0.1"],
    ["203.0.113.9, nonsense", "127.0.0.1"],
  ])("%s becomes the chain %s", async (header, chain) => {
    await fixture.send({
      method: "GET",
      url: "/auth/profile",
      headers: { "x-forwarded-for": header },
    });
    expect(fixture.stub.last().metadata.get("x-forwarded-for")).toEqual([chain]);
  });
});

describe("deadlines and cancellation", () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await startFixture({ defaultDeadlineMs: 150 });
    await fixture.gateway.listen({ host: "127.0.0.1", port: 0 });
  });
  beforeEach(() => fixture.stub.reset());
  afterAll(() => fixture.stop());

  const never = (): Promise<never> => new Promise(() => {});

  test("a method's own deadline is passed on", async () => {
    await fixture.post("/auth/login", {});
    expect(fixture.stub.last().timeLeft).toBeGreaterThan(9000);
    expect(fixture.stub.last().timeLeft).toBeLessThanOrEqual(10_000);
  });

  test("the default where it declares none", async () => {
    await fixture.send({ method: "GET", url: "/auth/profile" });
    expect(fixture.stub.last().timeLeft).toBeLessThanOrEqual(150);
  });

  test("a service that does not answer in time is 504, and its call is cancelled", async () => {
    fixture.stub.answer("GetProfile", never);
    const answer = await fixture.send({ method: "GET", url: "/auth/profile" });
    expect(answer.statusCode).toBe(504);
    expect(answer.json().code).toBe("deadline_exceeded");
    await fixture.stub.last().cancelled;
  });

  test("a client that goes away ends its call at the service", async () => {
    fixture.stub.answer("Login", never);
    const { port } = fixture.gateway.server.address() as AddressInfo;
    const started = fixture.stub.next();
    const sent = httpRequest({
      port,
      host: "127.0.0.1",
      agent: false,
      method: "POST",
      path: "/auth/login",
      headers: { "content-type": "application/json" },
    });
    sent.on("error", () => {});
    sent.end("{}");
    const call = await started;
    sent.destroy();
    await call.cancelled;
    expect(call.timeLeft).toBeGreaterThan(5000);
  });
});
