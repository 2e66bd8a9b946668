import { createHash, randomUUID } from "node:crypto";
import { ChannelCredentials, Client } from "@grpc/grpc-js";
import { hash as bcrypt } from "@node-rs/bcrypt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LoginRequest } from "../../generated/curfew/v1/auth_service.js";
import { bareCall } from "../integration/doors/bare_call.js";
import { PASSWORD, startTestService, type TestService } from "../support/service.js";
import { areaInterval, areaUnderCurve, quantile, shuffled } from "./doors_rank.js";

/** Logins of each kind, 900 at most; more make the figure finer, not other. */
const SAMPLES = Number(process.env.LOGIN_TIMING_SAMPLES ?? 60);
const WARM_UP = 20;
/** The permitted distance of an observer who guesses by time from a coin's 0.5. */
const LEAST = 0.47;
const MOST = 0.53;
const WRONG = "not the password, but as long";

interface Kind {
  readonly name: string;
  readonly reason: string;
  /** A username, a password. */
  readonly draw: () => readonly [string, string];
}

let service: TestService;
let client: Client;
beforeAll(async () => {
  service = await startTestService({
    LOGIN_MAX_FAILURES: "1000",
    LOGIN_MAX_FAILURES_PER_SOURCE: "100000",
  });
  client = new Client(service.target, ChannelCredentials.createInsecure());
});
afterAll(async () => {
  client?.close();
  await service?.stop();
});

/** Milliseconds of one login; one that a busy machine could not answer is made again. */
const attempt = async (kind: Kind): Promise<number> => {
  const [username, password] = kind.draw();
  const message = LoginRequest.encode(LoginRequest.create({ username, password })).finish();
  const begun = performance.now();
  const answer = await bareCall(client, {
    path: "/curfew.v1.AuthService/Login",
    messages: [message],
  });
  const took = performance.now() - begun;
  if (answer.reason === "DEPENDENCY_UNAVAILABLE") return attempt(kind);
  expect(answer.reason).toBe(kind.reason);
  return took;
};

/** Milliseconds of logins of every kind, in an order drawn by lot. */
const measure = async (kinds: readonly Kind[]): Promise<Map<Kind, number[]>> => {
  const times = new Map(kinds.map((kind) => [kind, [] as number[]]));
  for (let round = -WARM_UP; round < SAMPLES; round++)
    for (const kind of shuffled(kinds)) {
      const took = await attempt(kind);
      if (round >= 0) times.get(kind)?.push(took);
    }
  return times;
};

/**
 * Compares every kind with the first, prints the results, and resolves to the kinds that the time of an answer reveals.
 */
const told = async (kinds: readonly Kind[]): Promise<string[]> => {
  const times = await measure(kinds);
  const [first, ...others] = kinds.map((kind) => ({ kind, took: times.get(kind) ?? [] }));
  if (first === undefined) return [];
  return others.flatMap(({ kind, took }) => {
    const area = areaUnderCurve(first.took, took);
    const { low, high } = areaInterval(first.took, took);
    const medians = [first.took, took].map((all) => quantile(all, 0.5).toFixed(2)).join(" and ");
    process.stdout.write(
      `${first.kind.name} against ${kind.name}: AUC ${area.toFixed(3)} ` +
        `[${low.toFixed(3)}, ${high.toFixed(3)}], medians ${medians} ms, ${took.length} each\n`,
    );
    return low > MOST || high < LEAST ? [kind.name] : [];
  });
};

/** A username that every call finds locked. */
const locked = async (username: string): Promise<string> => {
  await attempt({ name: "", reason: "INVALID_CREDENTIALS", draw: () => [username, WRONG] });
  const key = createHash("sha256").update(username).digest("base64url");
  const rows = await service.query(
    "UPDATE login_throttle SET attempts = 2000000 WHERE key = $1 RETURNING key",
    [`account:${key}`],
  );
  expect(rows).toHaveLength(1);
  return username;
};

const stranger = () => `user-${randomUUID()}`;

test("D1 time does not tell a wrong password, an unknown name and an inactive user apart", async () => {
  const user = await service.createUser();
  const inactive = await service.createUser();
  await service.query("UPDATE users SET is_active = false WHERE user_id = $1", [inactive.userId]);
  const reason = "INVALID_CREDENTIALS";
  const nobody = stranger();
  const kinds: Kind[] = [
    { name: "an unknown name", reason, draw: () => [stranger(), WRONG] },
    { name: "a wrong password", reason, draw: () => [user.username, WRONG] },
    { name: "the same unknown name", reason, draw: () => [nobody, WRONG] },
    { name: "an inactive user", reason, draw: () => [inactive.username, WRONG] },
  ];
  expect(await told(kinds)).toEqual([]);
}, 600_000);

test("D1 time does not tell what a locked account's password is, nor whether there is one", async () => {
  const user = await locked((await service.createUser()).username);
  const nobody = await locked(stranger());
  const reason = "TOO_MANY_ATTEMPTS";
  const kinds: Kind[] = [
    { name: "a locked user's wrong password", reason, draw: () => [user, WRONG] },
    { name: "their right password", reason, draw: () => [user, PASSWORD] },
    { name: "a locked unknown name", reason, draw: () => [nobody, WRONG] },
  ];
  expect(await told(kinds)).toEqual([]);
}, 600_000);

test("a name that is known by an imported hash is told by time until its first login", async () => {
  const imported = await service.createUser();
  const hash = await bcrypt(PASSWORD, { cost: 12 });
  await service.query("UPDATE users SET password_hash = $2 WHERE user_id = $1", [
    imported.userId,
    hash,
  ]);
  const reason = "INVALID_CREDENTIALS";
  const unknown: Kind = { name: "an unknown name", reason, draw: () => [stranger(), WRONG] };
  const kind: Kind = { name: "an imported user", reason, draw: () => [imported.username, WRONG] };
  // SECURITY.md says so (6.3.8). When it is no longer so, this fails, and that has to change too.
  expect(await told([unknown, kind])).toEqual([kind.name]);
  await service.signIn(imported.username);
  expect(await told([unknown, kind])).toEqual([]);
}, 600_000);
