import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Fixture, startFixture } from "./fixture.js";

let fixture: Fixture;
let port: number;
beforeAll(async () => {
  fixture = await startFixture();
  await fixture.gateway.listen({ host: "127.0.0.1", port: 0 });
  port = (fixture.gateway.server.address() as AddressInfo).port;
});
beforeEach(() => fixture.stub.reset());
afterAll(() => fixture.stop());

/** The answer of a server to bytes that no HTTP client would send. */
const exchange = (text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.on("end", () => resolve(answer));
    socket.on("error", reject);
  });

const problemIn = (answer: string) => {
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), head, problem: JSON.parse(body) };
};

const expectProblem = (
  answer: { statusCode: number; headers: Record<string, unknown>; body: string },
  status: number,
  code: string,
) => {
  expect(answer.statusCode, answer.body).toBe(status);
  expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
  expect(answer.headers["cache-control"]).toBe("no-store");
  const problem = JSON.parse(answer.body);
  expect(problem).toMatchObject({ status, code, type: "about:blank" });
  expect(problem.detail).not.toBe("");
  expect(problem.request_id).toBe(answer.headers["x-request-id"]);
  expect(answer.body).not.toMatch(/\bat .*\.(ts|js):\d+/);
  expect(fixture.stub.calls).toHaveLength(0);
  return problem;
};

const LOGIN = "/api/v1/auth/login";
const PROFILE = "/api/v1/auth/profile";
const good = { username: "anna", password: "p" };

describe("content", () => {
  test.each([
    ["text/plain"],
    ["application/x-www-form-urlencoded"],
    ["multipart/form-data; boundary=x"],
    ["application/json; charset=latin1"],
    ["application/xml"],
    ["nonsense"],
  ])("415 for %s", async (type) => {
    const answer = await fixture.post(LOGIN, good, { "content-type": type });
    expectProblem(answer, 415, "invalid_argument");
  });

  test("415 for a body without a content type", async () => {
    const answer = await fixture.send({
      method: "POST",
      url: LOGIN,
      payload: Buffer.from(JSON.stringify(good)),
    });
    expectProblem(answer, 415, "invalid_argument");
  });

  test.each([["gzip"], ["br"], ["identity, gzip"]])(
    "415 for content-encoding %s",
    async (coding) => {
      const answer = await fixture.post(LOGIN, good, { "content-encoding": coding });
      const problem = expectProblem(answer, 415, "invalid_argument");
      expect(problem.detail).toContain("content-encoding");
    },
  );

  test("takes content-encoding identity", async () => {
    expect((await fixture.post(LOGIN, good, { "content-encoding": "identity" })).statusCode).toBe(
      200,
    );
  });

  test.each([["application/json; charset=utf-8"], ["Application/JSON;charset=UTF-8"]])(
    "takes %s",
    async (type) => {
      expect((await fixture.post(LOGIN, good, { "content-type": type })).statusCode).toBe(200);
    },
  );

  test.each([
    ["{"],
    ["{'username': 'x'}"],
    ['{"username": "x",}'],
    ["NaN"],
    ['{"username": "x"} x'],
  ])("400 for invalid JSON: %s", async (body) => {
    const problem = expectProblem(await fixture.post(LOGIN, body), 400, "invalid_argument");
    expect(problem.detail).toBe("The body is not valid JSON.");
  });

  test.each([["[]"], ["null"], ["5"], ['"x"']])("400 for %s instead of an object", async (body) => {
    const problem = expectProblem(await fixture.post(LOGIN, body), 400, "invalid_argument");
    expect(problem.violations).toEqual([{ field: "body", description: "takes an object" }]);
  });

  test("400 for a body that is not UTF-8", async () => {
    const answer = await fixture.send({
      method: "POST",
      url: LOGIN,
      headers: { "content-type": "application/json" },
      payload: Buffer.concat([
        Buffer.from('{"username":"'),
        Buffer.from([0xff]),
        Buffer.from('"}'),
      ]),
    });
    expectProblem(answer, 400, "invalid_argument");
  });

  test("400 for JSON nested a hundred thousand deep", async () => {
    const deep = `{"username":${"[".repeat(30_000)}${"]".repeat(30_000)}}`;
    expectProblem(await fixture.post(LOGIN, deep), 400, "invalid_argument");
  });
});

describe("members", () => {
  test.each([
    ["an unknown one", '{"usernam":"x"}', "usernam", "is not a field of this request"],
    ["one of prototypes", '{"__proto__":{}}', "__proto__", "is not a field of this request"],
    ["a duplicate", '{"username":"x","username":"y"}', "username", "is given more than once"],
    [
      "an escaped duplicate",
      '{"language":"x","\\u006canguage":"y"}',
      "language",
      "is given more than once",
    ],
    [
      "a duplicate by its other name",
      '{"device_name":"x","deviceName":"y"}',
      "device_name",
      "is given more than once",
    ],
    ["a wrong type", '{"username":5}', "username", "takes a string of valid Unicode"],
    ["a lone surrogate", '{"username":"\\ud800"}', "username", "takes a string of valid Unicode"],
  ])("400 for %s", async (_, body, field, description) => {
    const problem = expectProblem(await fixture.post(LOGIN, body), 400, "invalid_argument");
    expect(problem.violations).toEqual([{ field, description }]);
  });

  test("names every wrong member by its path, and repeats no value", async () => {
    const body = {
      filter: { created_after: "yesterday", state: "SLEEPING", nope: 1 },
      dry_run: "hunter2",
    };
    const answer = await fixture.post("/api/v1/admin/sessions:revoke", body);
    const problem = expectProblem(answer, 400, "invalid_argument");
    expect(problem.violations.map(({ field }: { field: string }) => field)).toEqual([
      "filter.created_after",
      "filter.state",
      "filter.nope",
      "dry_run",
    ]);
    expect(answer.body).not.toContain("hunter2");
  });

  test("names an element of a list by its index", async () => {
    const body = { requests: [{ access_token: "a" }, { access_token: 1 }] };
    const problem = expectProblem(
      await fixture.post("/api/v1/auth/validate:batch", body),
      400,
      "invalid_argument",
    );
    expect(problem.violations[0].field).toBe("requests[1].access_token");
  });
});

describe("parameters", () => {
  const LIST = "/api/v1/admin/sessions";
  test.each([
    ["an unknown one", `${LIST}?pagesize=1`, "pagesize"],
    ["a duplicate", `${LIST}?page_size=1&page_size=2`, "page_size"],
    ["a duplicate by its other name", `${LIST}?page_size=1&pageSize=2`, "pageSize"],
    ["no number", `${LIST}?page_size=ten`, "page_size"],
    ["a number too large", `${LIST}?page_size=99999999999`, "page_size"],
    ["no enum value", `${LIST}?order=UP`, "order"],
    ["no time", `${LIST}?filter.created_after=yesterday`, "filter.created_after"],
    ["an object", `${LIST}?filter=x`, "filter"],
    ["broken percent-encoding in the query", `${LIST}?page_token=%zz`, "page_token"],
    ["percent-encoding in the query that is not UTF-8", `${LIST}?page_token=a%FF`, "page_token"],
    ["one that the path has", "/api/v1/admin/sessions/s1?session_id=s2", "session_id"],
    ["broken percent-encoding in the path", "/api/v1/admin/sessions/%E0%A4%A", "session_id"],
  ])("400 for %s", async (_, url, field) => {
    const answer = await fixture.send({ method: "GET", url });
    const problem = expectProblem(answer, 400, "invalid_argument");
    if (problem.violations) expect(problem.violations[0].field).toBe(field);
    else expect(problem.detail).toContain("percent-encoded");
  });

  test("400 for a query beside a body that is the whole request", async () => {
    const answer = await fixture.post(`${LOGIN}?username=x`, good);
    expect(expectProblem(answer, 400, "invalid_argument").violations[0].field).toBe("username");
  });

  test("400 for a path and a body that disagree", async () => {
    const answer = await fixture.post("/api/v1/admin/sessions/s1:revoke", { session_id: "s2" });
    const problem = expectProblem(answer, 400, "invalid_argument");
    expect(problem.violations[0].description).toBe("differs between the path and the body");
  });

  test("takes a path and a body that agree", async () => {
    const answer = await fixture.post("/api/v1/admin/sessions/s1:revoke", { session_id: "s1" });
    expect(answer.statusCode).toBe(200);
  });

  test("400 for a body where there is none", async () => {
    const answer = await fixture.send({
      method: "DELETE",
      url: "/api/v1/auth/sessions/s1",
      headers: { "content-type": "application/json" },
      payload: '{"session_id":"s1"}',
    });
    expectProblem(answer, 400, "invalid_argument");
  });
});

describe("sizes", () => {
  test("413 for a body over 64 KiB, before it is read", async () => {
    const answer = await fixture.post(LOGIN, { ...good, password: "x".repeat(65_536) });
    expectProblem(answer, 413, "invalid_argument");
  });

  test("413 for a chunked body that grows over it", async () => {
    const answer = await new Promise<{ statusCode: number; body: string }>((resolve, reject) => {
      const sent = httpRequest(
        {
          port,
          host: "127.0.0.1",
          agent: false,
          method: "POST",
          path: LOGIN,
          headers: { "content-type": "application/json", "transfer-encoding": "chunked" },
        },
        (response) => {
          let body = "";
          response.on("data", (chunk) => {
            body += chunk;
          });
          response.on("end", () => {
            resolve({ statusCode: response.statusCode ?? 0, body });
            sent.destroy();
          });
        },
      );
      sent.on("error", reject);
      sent.write(`{"username":"${"x".repeat(70_000)}`);
    });
    expect(answer.statusCode).toBe(413);
    expect(JSON.parse(answer.body).code).toBe("invalid_argument");
  });

  test("takes a batch of 1,000 tokens", async () => {
    const requests = Array.from({ length: 1000 }, () => ({ access_token: "t".repeat(900) }));
    const answer = await fixture.post("/auth/validate:batch", { requests });
    expect(answer.statusCode, answer.body).toBe(200);
  });

  test("431 for headers over 16 KiB", async () => {
    const { status, problem } = problemIn(
      await exchange(`GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: ${"x".repeat(20_000)}\r\n\r\n`),
    );
    expect(status).toBe(431);
    expect(problem).toMatchObject({ status: 431, code: "invalid_argument" });
  });

  test.each([
    ["400 for what is no HTTP", "HELLO\r\n\r\n", 400],
    ["400 for a request without Host", `GET ${PROFILE} HTTP/1.1\r\nconnection: close\r\n\r\n`, 400],
    [
      "417 for an expectation that nobody meets",
      `POST ${LOGIN} HTTP/1.1\r\nhost: x\r\nexpect: applause\r\ncontent-length: 2\r\n\r\n{}`,
      417,
    ],
    ["405 for CONNECT", "CONNECT db:5432 HTTP/1.1\r\nhost: x\r\n\r\n", 405],
  ])("%s", async (_, text, expected) => {
    const { status, head, problem } = problemIn(await exchange(text));
    expect(status).toBe(expected);
    expect(head).toContain("content-type: application/problem+json");
    expect(problem).toMatchObject({ status: expected, code: "invalid_argument" });
    expect(fixture.stub.calls).toHaveLength(0);
  });
});

describe("credentials", () => {
  test("400 for two Authorization headers", async () => {
    const { status, problem } = problemIn(
      await exchange(
        `GET ${PROFILE} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer a\r\nAuthorization: Bearer b\r\nconnection: close\r\n\r\n`,
      ),
    );
    expect(status).toBe(400);
    expect(problem.violations[0].field).toBe("authorization");
    expect(fixture.stub.calls).toHaveLength(0);
  });

  test.each([["Bearer b"], ["Basic YTph"], ["Bearer a, Bearer a"]])(
    "400 for a cookie and the header %s",
    async (authorization) => {
      const answer = await fixture.send({
        method: "GET",
        url: PROFILE,
        headers: { authorization, cookie: "__Host-access=a" },
      });
      expectProblem(answer, 400, "invalid_argument");
    },
  );

  test("400 for one cookie with two values", async () => {
    const answer = await fixture.send({
      method: "GET",
      url: PROFILE,
      headers: { cookie: "__Host-access=a; __Host-access=b" },
    });
    expectProblem(answer, 400, "invalid_argument");
  });

  test("takes a cookie and a header that agree", async () => {
    const answer = await fixture.send({
      method: "GET",
      url: PROFILE,
      headers: { authorization: "Bearer a", cookie: "__Host-access=a" },
    });
    expect(answer.statusCode).toBe(200);
  });
});
