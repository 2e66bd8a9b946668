import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findExecutable, searchPath } from "../../support/executable.js";
import { type OtlpReceiver, startOtlpReceiver } from "../../support/otlp_receiver.js";
import { findPostgresPrograms } from "../../support/postgres_programs.js";
import { startTestService, type TestService } from "../../support/service.js";
import { waitUntil } from "../../support/wait_until.js";
import { type Replica, startReplica } from "./replica.js";
import { liveWithSecrets, type SecretLife } from "./secret_life.js";

const KEY_ENCRYPTION_KEY = randomBytes(32);
const ENVIRONMENT = { KEY_ENCRYPTION_KEY: KEY_ENCRYPTION_KEY.toString("base64") };

let service: TestService;
let replica: Replica;
let receiver: OtlpReceiver;
let life: SecretLife;

beforeAll(async () => {
  service = await startTestService(ENVIRONMENT);
  receiver = await startOtlpReceiver();
  replica = await startReplica(service, {
    ...ENVIRONMENT,
    LOGIN_MAX_FAILURES: "100",
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
  });
  life = await liveWithSecrets(service, replica, KEY_ENCRYPTION_KEY);
}, 120_000);
afterAll(async () => {
  await replica?.stop();
  await receiver?.close();
  await service?.stop();
});

describe("D6 after everything that can happen, no secret is", () => {
  test("D6 looked for that was never there", () => {
    expect(life.secrets.size).toBeGreaterThan(40);
    for (const [what, secret] of life.secrets)
      expect([what, secret.length]).toEqual([what, expect.toSatisfy((n: number) => n >= 10)]);
    expect(life.foundIn(`a log with ${[...life.secrets.values()][3]} in it`)).toHaveLength(1);
  });

  test("D6 in a dump of Postgres", async () => {
    const programs = dirname(findPostgresPrograms().initdb);
    const pgDump = findExecutable(["pg_dump"], [programs, ...searchPath()]);
    if (pgDump === undefined) throw new Error("pg_dump is missing: install PostgreSQL's client");
    const { stdout } = await promisify(execFile)(pgDump, ["--inserts", service.databaseUrl], {
      maxBuffer: 2 ** 28,
    });
    expect(stdout).toContain("LOGIN_FAILED");
    expect(life.foundIn(stdout)).toEqual([]);
  });

  test("D6 in a dump of Redis", async () => {
    const redis = new Redis(service.redisUrl);
    const keys = await redis.keys("*");
    const values = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
    await redis.quit();
    expect(keys.length).toBeGreaterThan(0);
    const dump = Buffer.concat(values.map((value) => value ?? Buffer.alloc(0))).toString("latin1");
    expect(life.foundIn(keys.join("\n") + dump)).toEqual([]);
  });

  test("D6 in a log, and every line of it is one JSON object", () => {
    const lines = replica.logs();
    expect(lines.length).toBeGreaterThan(50);
    expect(life.foundIn(lines.join(""))).toEqual([]);
    for (const line of lines) {
      expect(line.replace(/\n$/, "")).not.toMatch(/\p{Cc}/u);
      expect(JSON.parse(line)).toMatchObject({
        level: expect.any(String),
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      });
    }
  });

  test("D6 in the metrics", async () => {
    const metrics = await replica.metrics();
    expect(metrics).toContain("curfew_rpc_calls_total");
    expect(life.foundIn(metrics)).toEqual([]);
  });

  test("D6 in the traces of all of it", async () => {
    const traceId = randomBytes(16).toString("hex");
    await fetch(`${replica.origin}/.well-known/jwks.json`, {
      headers: { traceparent: `00-${traceId}-${randomBytes(8).toString("hex")}-01` },
    });
    // Spans come in the order in which they ended.
    await waitUntil("the span of the last call has arrived", () =>
      receiver.spans.some((span) => span.links.includes(traceId)),
    );
    const traced = new Set(receiver.spans.map(({ name }) => name));
    for (const { path } of life.answers) expect(traced).toContain(path.slice(1));
    expect(traced).toContain("POST /auth/login");
    expect(traced).toContain("INSERT sessions");
    expect(life.foundIn(receiver.bodies())).toEqual([]);
  });

  test("D6 in an answer, but for tokens just issued", () => {
    for (const { path, answer } of life.answers) {
      const text =
        Buffer.concat(answer.messages).toString("latin1") +
        answer.details.toString("latin1") +
        answer.text;
      expect(text).not.toMatch(/\$argon2|PRIVATE KEY|"d":/);
      if (/Login|RefreshTokens/.test(path)) continue;
      expect([path, life.foundIn(text)]).toEqual([path, []]);
    }
  });

  test("D6 a defect in what is answered to the world", () => {
    const defects = life.answers.filter(
      ({ answer }) => answer.reason === "INTERNAL" || answer.code === 2,
    );
    expect(defects.map(({ path }) => path)).toEqual([]);
  });
});
