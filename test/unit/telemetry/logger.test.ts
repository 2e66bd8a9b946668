import { describe, expect, test } from "vitest";
import { createLogger, type Logger } from "../../../src/telemetry/logger.js";

const recording = (level = "info"): { logger: Logger; lines: string[] } => {
  const lines: string[] = [];
  const logger = createLogger({
    level,
    people: false,
    destination: { write: (line) => void lines.push(line) },
  });
  return { logger, lines };
};

/** Returns the logged record: one JSON object on one line. */
const written = (log: (logger: Logger) => void): Record<string, unknown> => {
  const { logger, lines } = recording();
  log(logger);
  expect(lines).toHaveLength(1);
  expect(lines[0]?.indexOf("\n")).toBe((lines[0]?.length ?? 0) - 1);
  return JSON.parse(lines[0] ?? "") as Record<string, unknown>;
};

const JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln-_bmF0dXJl";

describe("D6: every line is one JSON object", () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  test.each<[string, (logger: Logger) => void]>([
    ["line breaks in the message", (log) => log.info("a\nb\r\nc\u2028d")],
    ["line breaks and quotes in keys", (log) => log.info({ 'a"\n': 1 })],
    [
      "control characters and half a surrogate",
      (log) => log.info({ agent: "\u0000\u001b[2J\ud800" }),
    ],
    ["big whole numbers at any depth", (log) => log.info({ revision: 2n ** 63n, in: { it: 5n } })],
    ["circles", (log) => log.info(circular)],
    ["functions, symbols, holes", (log) => log.info({ a: () => 1, b: Symbol("x"), c: undefined })],
    ["numbers that JSON lacks", (log) => log.info({ a: Number.NaN, b: new Date(Number.NaN) })],
    ["an error", (log) => log.error(new Error("boom\nboom", { cause: new Error("why") }))],
    ["format signs", (log) => log.info("100 %d %j %o")],
    ["hostile child names", (log) => log.child({ request: '"},\n{"' }).info("x")],
  ])("%s", (_case, log) => {
    expect(written(log)).toMatchObject({ level: expect.any(String), time: expect.any(String) });
  });

  test("big whole numbers keep their digits", () => {
    const { logger, lines } = recording();
    logger.info({ revision: 2n ** 63n });
    expect(lines[0]).toContain("9223372036854775808");
  });
});

describe("D6: no secret is written", () => {
  test.each<[string, (logger: Logger) => void]>([
    ["an access token in the message", (log) => log.info(`token ${JWT} refused`)],
    ["an access token as a value", (log) => log.info({ detail: { tried: [JWT] } })],
    ["an access token in an error", (log) => log.error(new Error(`bad ${JWT}`))],
    ["a refresh token", (log) => log.info("seen cfr_SECRETSECRET-_a")],
    ["a service key", (log) => log.info({ by: "cfs_SECRETSECRET" })],
    ["a child's token", (log) => log.child({ peer: "cfs_SECRETSECRET" }).info("x")],
    ["a member called password", (log) => log.info({ password: "SECRET" })],
    ["a member at depth", (log) => log.info({ request: { body: [{ new_password: "SECRET" }] } })],
    ["a member that is no text", (log) => log.info({ authorization: ["SECRET"] })],
    ["a child's member", (log) => log.child({ in: { accessToken: "SECRET" } }).info("x")],
    ["a hash", (log) => log.info({ passwordHash: "SECRET" })],
    ["a bearer header in a text", (log) => log.info("authorization: Bearer SECRETSECRETSECRET")],
    ["a password in a URL", (log) => log.info("cannot reach postgres://curfew:SECRET@db:5432/x")],
    ["JSON in a text", (log) => log.info('sent {"username":"a","password":"SECRET"}')],
    ["a form in a text", (log) => log.info("username=a&password=SECRET")],
    ["a form of longer names in a text", (log) => log.info("current_password=SECRET&x=1")],
    ["a form at the start of a line", (log) => log.info("it said\npassword=SECRET")],
    ["a bearer header after a tab", (log) => log.info("it said\tBearer SECRETSECRETSECRET")],
    ["a token after a control character", (log) => log.info("it said\u001brefresh_token=SECRET")],
  ])("%s", (_case, log) => {
    const text = JSON.stringify(written(log));
    expect(text).not.toMatch(/SECRET|eyJ/);
    expect(text).toContain("[redacted]");
  });

  test("what only sounds secret stays", () => {
    const line = written((log) =>
      log.info(
        { token_type: "bearer", kid: "k1", user: "ann" },
        "bearer token missing for user ann",
      ),
    );
    expect(line).toMatchObject({ token_type: "bearer", kid: "k1", user: "ann" });
    expect(line.msg).toBe("bearer token missing for user ann");
  });
});

test("lines below the level are not written", () => {
  const { logger, lines } = recording("warn");
  logger.info("no");
  logger.warn("yes");
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(["yes"]);
});

test("a child says what it is for on each line", () => {
  expect(written((log) => log.child({ request_id: "r1" }).info("done"))).toMatchObject({
    request_id: "r1",
    level: "info",
    msg: "done",
  });
});

test("for people it is text, at once, without secrets", () => {
  const lines: string[] = [];
  const logger = createLogger({
    level: "info",
    people: true,
    destination: { write: (line) => void lines.push(line) },
  });
  logger.info({ port: 50051, password: "SECRET" }, "listening");
  expect(lines.join("")).toMatch(/INFO.*listening.*50051/s);
  expect(lines.join("")).not.toContain("SECRET");
});

test("for people, a caller is a field and milliseconds are short; JSON keeps what it is given", () => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const told = { caller: "service:unverified", ms: 12.345678901234567 };
  createLogger({ level: "info", people: true, destination }).info(told, "call");
  expect(lines[0]).toContain("service:unverified");
  expect(lines[0]).not.toContain("<service:unverified>");
  expect(lines[0]).toContain("12.346");
  expect(lines[0]).not.toContain("12.3456");
  createLogger({ level: "info", people: false, destination }).info(told, "call");
  expect(JSON.parse(lines[1] ?? "")).toMatchObject(told);
});
