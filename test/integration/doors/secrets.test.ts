import { execFile } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { ChannelCredentials, Client } from "@grpc/grpc-js";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openSecret } from "../../../src/crypto/keys/sealed_secret.js";
import { mintServiceKey } from "../../../src/crypto/service_key.js";
import { findExecutable, searchPath } from "../../support/executable.js";
import { findPostgresPrograms } from "../../support/postgres_programs.js";
import { startTestService, type TestService } from "../../support/service.js";
import { type BareAnswer, bareCall } from "./bare_call.js";
import { encodeRequest, METHODS } from "./methods.js";
import { type Replica, startReplica } from "./replica.js";

const KEY_ENCRYPTION_KEY = randomBytes(32);
const ENVIRONMENT = { KEY_ENCRYPTION_KEY: KEY_ENCRYPTION_KEY.toString("base64") };
/** Text that breaks out of lines, terminals, JSON and SQL. */
const HOSTILE = '\u001b[31m\r\n{"level":"fatal"}\u2028\u0085\u202e";--\t\u0007%s%n';

let service: TestService;
let replica: Replica;
let client: Client;
/** Everything that nobody must find, by what it is. */
const secrets = new Map<string, string>();
const answers: { readonly path: string; readonly answer: BareAnswer }[] = [];

const keep = (what: string, secret: string): string => {
  secrets.set(`${what} ${secrets.size}`, secret);
  return secret;
};
const newPassword = (): string =>
  keep("password", `pass ${randomBytes(12).toString("hex")} phrase`);

/** Calls a method by name with fields by name, and keeps the answer. */
const call = async (
  name: string,
  values: Readonly<Record<string, unknown>> = {},
  authorization?: string,
): Promise<BareAnswer> => {
  const method = METHODS.find((one) => one.name === name);
  if (method === undefined) throw new Error(`there is no ${name}`);
  const message = encodeRequest(method.input, (field) => values[field.name]);
  const answer = await bareCall(client, {
    path: method.path,
    messages: [message],
    authorization,
    // What logs make of it is part of the test.
    metadata: { "user-agent": "curfew-test", "x-request-id": `req-${randomUUID()}` },
    deadlineMs: 3000,
  });
  answers.push({ path: method.path, answer });
  return answer;
};

/** The tokens in an answer of Login or RefreshTokens. */
const tokensIn = ({ messages }: BareAnswer): { access: string; refresh: string } => {
  const text = Buffer.concat(messages).toString("latin1");
  const access = /eyJ[\w-]+\.[\w-]+\.[\w-]+/.exec(text)?.[0];
  const refresh = /cfr_[\w-]{76}/.exec(text)?.[0];
  if (access === undefined || refresh === undefined) throw new Error("no tokens were issued");
  keep("signature of an access token", access.split(".")[2] ?? "");
  return { access: keep("access token", access), refresh: keep("refresh token", refresh) };
};

const keepSigningKeys = async (): Promise<void> => {
  const rows = await service.query<{ kid: string; secret: Buffer }>("SELECT kid, secret FROM keys");
  for (const { kid, secret } of rows) {
    const opened = openSecret(kid, secret, KEY_ENCRYPTION_KEY);
    keep("stored key", opened.toString("latin1"));
    const d = /"d":"([\w-]+)"/.exec(opened.toString())?.[1];
    if (d !== undefined) keep("private key", d);
  }
};

/** Something of everything, also of what goes wrong. */
const liveThroughEverything = async (): Promise<void> => {
  const admin = `Bearer ${keep("service key", service.adminKey)}`;
  const [first, second, third] = [newPassword(), newPassword(), newPassword()];
  const username = `user-${randomUUID()}`;
  const made = await call(
    "UserAdmin.CreateUser",
    { username, password: first, roles: "admin", display_name: HOSTILE },
    admin,
  );
  const userId = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(
    Buffer.concat(made.messages).toString("latin1"),
  )?.[0];
  await call("AuthService.Login", { username, password: newPassword() });
  // People type their password into the field of the name.
  await call("AuthService.Login", { username: newPassword(), password: newPassword() });
  await call("AuthService.Login", {
    username: HOSTILE,
    password: newPassword(),
    language: "xx",
    device_name: HOSTILE,
  });
  const login = () =>
    call("AuthService.Login", { username, password: first, device_name: HOSTILE });
  const [one, two] = [tokensIn(await login()), tokensIn(await login())];
  const bearer = `Bearer ${one.access}`;
  for (const token of [one.access, `${one.access}x`, "eyJhbGciOiJub25lIn0.e30."]) {
    await call("AuthService.ValidateToken", { access_token: token }, admin);
    await call("AuthService.ValidateTokens", { access_token: token }, admin);
    await call(
      "AuthService.StreamValidateTokens",
      { access_token: token, request_id: HOSTILE },
      admin,
    );
    await call("SessionAdmin.ExplainToken", { access_token: token }, admin);
    await call("AuthService.GetProfile", {}, `Bearer ${token}`);
  }
  const next = tokensIn(await call("AuthService.RefreshTokens", { refresh_token: two.refresh }));
  tokensIn(await call("AuthService.RefreshTokens", { refresh_token: next.refresh }));
  await call("AuthService.RefreshTokens", { refresh_token: two.refresh });
  await call("AuthService.RefreshTokens", {
    refresh_token: keep("made-up token", `cfr_${randomBytes(57).toString("base64url")}`),
  });
  await call("AuthService.GetProfile", {}, `Bearer ${keep("made-up key", mintServiceKey().text)}`);
  await call(
    "AuthService.GetProfile",
    {},
    `Basic ${keep("basic credentials", Buffer.from(`${username}:${second}`).toString("base64"))}`,
  );
  await call(
    "AuthService.ChangePassword",
    { current_password: newPassword(), new_password: second },
    bearer,
  );
  await call(
    "AuthService.ChangePassword",
    { current_password: first, new_password: second },
    bearer,
  );
  await call(
    "AuthService.ChangePassword",
    { current_password: second, new_password: keep("short password", "sh0rt!pw#9") },
    bearer,
  );
  for (const { name, rule } of METHODS) {
    // What is left: with everything in its fields that could be written somewhere.
    if (/Login|Delete|RevokeSessions|Password|Update/.test(name) || rule.path === "") continue;
    const values = {
      user_id: userId,
      note: HOSTILE,
      access_token: one.access,
      refresh_token: "x",
      page_token: HOSTILE,
      username: HOSTILE,
      password: newPassword(),
      ip: HOSTILE,
    };
    await call(name, values, admin);
    await call(name, values, bearer);
  }
  await call("UserAdmin.SetPassword", { user_id: userId, password: third }, admin);
  await overRest(username, third);
};

const overRest = async (username: string, password: string): Promise<void> => {
  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(replica.origin + path, {
      method: "POST",
      body,
      headers: { "content-type": "application/json", "user-agent": "rest", ...headers },
    });
  const good = JSON.stringify({ username, password });
  const inCookies = await post("/auth/login", good, { "x-session-mode": "cookie" });
  expect(inCookies.status).toBe(200);
  const cookies = inCookies.headers.getSetCookie().map((cookie) => cookie.split(";")[0] ?? "");
  for (const cookie of cookies.filter((text) => !text.includes("csrf")))
    keep("cookie", cookie.slice(cookie.indexOf("=") + 1));
  const cookie = cookies.join("; ");
  await fetch(
    `${replica.origin}/auth/profile?access_token=${keep("token in a URL", `eyJ${randomBytes(40).toString("base64url")}`)}`,
    { headers: { cookie } },
  );
  await post("/auth/logout", "{}", { cookie });
  const broken = [
    good.slice(0, -2),
    `${good}}`,
    `{"username":{"password":"${newPassword()}"}}`,
    `{"pass word":"${newPassword()}"}`,
  ];
  for (const body of broken) await post("/auth/login", body);
  await post(`/auth/login?password=${encodeURIComponent(newPassword())}`, "{}");
  await post("/auth/login", `username=x&password=${encodeURIComponent(newPassword())}`, {
    "content-type": "application/x-www-form-urlencoded",
  });
};

beforeAll(async () => {
  service = await startTestService(ENVIRONMENT);
  replica = await startReplica(service, { ...ENVIRONMENT, LOGIN_MAX_FAILURES: "100" });
  client = new Client(replica.target, ChannelCredentials.createInsecure());
  keep("encryption key", ENVIRONMENT.KEY_ENCRYPTION_KEY);
  keep("database password", new URL(service.databaseUrl).password);
  await liveThroughEverything();
  await keepSigningKeys();
}, 120_000);
afterAll(async () => {
  client?.close();
  await replica?.stop();
  await service?.stop();
});

/** A secret as it may be written down. */
const writings = (secret: string): string[] => {
  const bytes = Buffer.from(secret, "latin1");
  const encoded = (["base64", "base64url", "hex"] as const).map((form) =>
    bytes.toString(form).replace(/=+$/, ""),
  );
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), ...encoded];
};

const foundIn = (haystack: string): string[] =>
  [...secrets].flatMap(([what, secret]) =>
    writings(secret).some((text) => haystack.includes(text)) ? [what] : [],
  );

describe("D6 after everything that can happen, no secret is", () => {
  test("D6 looked for that was never there", () => {
    expect(secrets.size).toBeGreaterThan(40);
    for (const [what, secret] of secrets)
      expect([what, secret.length]).toEqual([what, expect.toSatisfy((n: number) => n >= 10)]);
    expect(foundIn(`a log with ${[...secrets.values()][3]} in it`)).toHaveLength(1);
  });

  test("D6 in a dump of Postgres", async () => {
    const programs = dirname(findPostgresPrograms().initdb);
    const pgDump = findExecutable(["pg_dump"], [programs, ...searchPath()]);
    if (pgDump === undefined) throw new Error("pg_dump is missing: install PostgreSQL's client");
    const { stdout } = await promisify(execFile)(pgDump, ["--inserts", service.databaseUrl], {
      maxBuffer: 2 ** 28,
    });
    expect(stdout).toContain("LOGIN_FAILED");
    expect(foundIn(stdout)).toEqual([]);
  });

  test("D6 in a dump of Redis", async () => {
    const redis = new Redis(service.redisUrl);
    const keys = await redis.keys("*");
    const values = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
    await redis.quit();
    expect(keys.length).toBeGreaterThan(0);
    const dump = Buffer.concat(values.map((value) => value ?? Buffer.alloc(0))).toString("latin1");
    expect(foundIn(keys.join("\n") + dump)).toEqual([]);
  });

  test("D6 in a log, and every line of it is one JSON object", () => {
    const lines = replica.logs();
    expect(lines.length).toBeGreaterThan(50);
    expect(foundIn(lines.join(""))).toEqual([]);
    for (const line of lines) {
      expect(line.replace(/\n$/, "")).not.toMatch(/\p{Cc}/u);
      expect(JSON.parse(line)).toMatchObject({
        level: expect.any(String),
        time: expect.any(String),
      });
    }
  });

  test("D6 in the metrics", async () => {
    const metrics = await replica.metrics();
    expect(metrics).toContain("curfew_rpc_calls_total");
    expect(foundIn(metrics)).toEqual([]);
  });

  test("D6 in an answer, but for tokens just issued", () => {
    for (const { path, answer } of answers) {
      const text =
        Buffer.concat(answer.messages).toString("latin1") +
        answer.details.toString("latin1") +
        answer.text;
      expect(text).not.toMatch(/\$argon2|PRIVATE KEY|"d":/);
      if (/Login|RefreshTokens/.test(path)) continue;
      expect([path, foundIn(text)]).toEqual([path, []]);
    }
  });

  test("D6 a defect in what is answered to the world", () => {
    const defects = answers.filter(
      ({ answer }) => answer.reason === "INTERNAL" || answer.code === 2,
    );
    expect(defects.map(({ path }) => path)).toEqual([]);
  });
});
