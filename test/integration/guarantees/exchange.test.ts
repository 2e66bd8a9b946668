import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Call } from "../../../src/core/call.js";
import type { ExchangeInput } from "../../../src/core/exchange/exchange_token.js";
import type { TrustedIssuer } from "../../../src/core/exchange/trusted_issuer.js";
import { type CoreReplica, makeUser, verdictOf } from "../../support/core_replica.js";
import {
  goodClaims,
  openProvider,
  type Provider,
  type ProviderKey,
  providerKey,
  signed,
  trustedIssuer,
} from "../../support/identity_provider.js";
import { testCall } from "../../support/test_call.js";
import { setUpTwoReplicas } from "./two_replicas.js";

const HOUR = 3_600_000;
const ADDRESS = "192.0.2.7";

let provider: Provider;
let key: ProviderKey;
/** Another provider, whose subjects sign in only where they are known, and to one application. */
let closed: Provider;
const issuers: TrustedIssuer[] = [];

beforeAll(async () => {
  key = await providerKey();
  provider = await openProvider([key]);
  closed = await openProvider([key]);
  const claims = { displayName: "name", roles: "groups", acr: "acr", amr: "amr" };
  issuers.push(
    trustedIssuer(provider.url, { claims }),
    trustedIssuer(closed.url, { createUsers: false, clientIds: ["shop"] }),
  );
});
afterAll(() => Promise.all([provider.close(), closed.close()]));

// The list is filled before the replicas start: hooks run in the order of their declaration.
const replicas = setUpTwoReplicas({ issuers, settings: { maxSessions: 3 } });

const tokenFor = (claims: Record<string, unknown> = {}, issuer = provider.url) =>
  signed(key, goodClaims(issuer, { jti: randomUUID(), sub: randomUUID(), ...claims }, Date.now()));

const exchange = (
  replica: CoreReplica,
  subjectToken: string,
  given: Partial<ExchangeInput> = {},
  call?: Call,
) =>
  replica.core.exchangeToken(
    {
      subjectToken,
      subjectTokenType: "",
      clientId: "",
      device: "laptop",
      ip: ADDRESS,
      userAgent: "test",
      ...given,
    },
    call,
  );

/** Lets a new replica have renewed its lease for twelve seconds without a gap. */
const beSteady = async (replica: CoreReplica): Promise<void> => {
  for (let i = 0; i < 6; i++) {
    await replica.core.cacheLease.heartbeat();
    replica.age(2000);
  }
  await replica.core.cacheLease.heartbeat();
};

const refused = (check: string) => ({ reason: "SUBJECT_TOKEN_INVALID", metadata: { check } });

/** Everything that an exchange writes but security events. */
const rows = async () => {
  const counted = await replicas.a.database.raw(`
    SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM sessions) AS sessions,
      (SELECT count(*) FROM identities) AS identities,
      (SELECT count(*) FROM used_subject_tokens) AS uses`);
  return counted.rows[0];
};

/** The security events of an address, newest last. */
const eventsOf = async (ip: string) =>
  (
    await replicas.a.database.raw(
      "SELECT type, reason, metadata FROM audit_events WHERE ip = ? ORDER BY event_id",
      [ip],
    )
  ).rows as { type: string; reason: string | null; metadata: Record<string, string> }[];

describe("an exchange (I1)", () => {
  test("makes the user and a session that is valid on every replica", async () => {
    const sub = randomUUID();
    const authTime = Math.floor(Date.now() / 1000) - 3600;
    const token = await tokenFor({
      sub,
      preferred_username: `ada-${sub}`,
      name: "Ada",
      groups: ["editor"],
      acr: "gold",
      amr: ["pwd", "otp"],
      auth_time: authTime,
    });
    const { tokens, session, user } = await exchange(replicas.a, token, { clientId: "shop" });

    expect(user).toMatchObject({ username: `ada-${sub}`, displayName: "Ada", roles: ["editor"] });
    expect(session).toMatchObject({
      userId: user.id,
      clientId: "shop",
      acr: "gold",
      amr: ["pwd", "otp"],
      authTime: authTime * 1000,
      expiresAt: authTime * 1000 + replicas.a.settings.maxLifetimeMs,
      device: "laptop",
    });
    expect(await verdictOf(replicas.b, tokens.accessToken)).toBe("valid");
  });

  test("of another token of the same subject is the same user, kept up to date", async () => {
    const sub = randomUUID();
    const first = await exchange(
      replicas.a,
      await tokenFor({ sub, preferred_username: `one-${sub}`, groups: ["editor"] }),
    );
    const second = await exchange(
      replicas.b,
      await tokenFor({ sub, preferred_username: `two-${sub}`, name: "Ada", groups: ["staff"] }),
    );

    expect(second.user).toMatchObject({
      id: first.user.id,
      username: `two-${sub}`,
      displayName: "Ada",
      roles: ["staff"],
    });
    // The earlier session has the new roles at once, on every replica.
    for (const replica of [replicas.a, replicas.b]) {
      const { accessToken } = first.tokens;
      await expect(
        replica.core.validateToken({ accessToken, audience: "", skipActivity: false }),
      ).resolves.toMatchObject({ session: { username: `two-${sub}`, roles: ["staff"] } });
    }
    // Data without a claim in the token stays as it is.
    const third = await exchange(replicas.a, await tokenFor({ sub }));
    expect(third.user).toMatchObject({ username: `two-${sub}`, displayName: "Ada" });
  });

  test.each([
    ["case", "Ada", "ada"],
    ["normalisation", "caf\u00e9", "cafe\u0301"],
  ])("of a subject that differs in %s is another user", async (_name, one, other) => {
    const unique = randomUUID();
    const userOf = async (sub: string, name: string) =>
      (
        await exchange(
          replicas.a,
          await tokenFor({ sub: sub + unique, preferred_username: name + unique }),
        )
      ).user.id;

    expect(await userOf(one, "one")).not.toBe(await userOf(other, "two"));
  });

  test("obeys the session limit (N2)", async () => {
    const sub = randomUUID();
    const opened = [];
    for (let made = 0; made < 4; made++)
      opened.push(await exchange(replicas.a, await tokenFor({ sub })));
    const [first, , , last] = opened;

    expect(last?.evicted.map(({ id }) => id)).toEqual([first?.session.id]);
    expect(await verdictOf(replicas.b, first?.tokens.accessToken ?? "")).toBe(
      "ACCESS_TOKEN_BLACKLISTED",
    );
  });

  test("of parallel first sign-ins of one subject makes one user", async () => {
    const sub = randomUUID();
    const tokens = await Promise.all(Array.from({ length: 8 }, () => tokenFor({ sub })));
    const opened = await Promise.all(
      tokens.map((token, index) => exchange(index % 2 ? replicas.a : replicas.b, token)),
    );

    expect(new Set(opened.map(({ user }) => user.id)).size).toBe(1);
  });
});

describe("a token is accepted once (I2)", () => {
  test("the second use is refused on every replica, and makes nothing", async () => {
    const token = await tokenFor();
    const { tokens } = await exchange(replicas.a, token);
    const before = await rows();

    for (const replica of [replicas.a, replicas.b])
      await expect(exchange(replica, token)).rejects.toMatchObject(refused("replayed"));
    expect(await rows()).toEqual(before);
    expect(await verdictOf(replicas.b, tokens.accessToken)).toBe("valid");
  });

  test.each([["with a jti"], ["without a jti"]])(
    "of parallel uses %s one succeeds",
    async (how) => {
      const token = await tokenFor(how === "without a jti" ? { jti: undefined } : {});
      const before = await rows();
      const outcomes = await Promise.allSettled(
        Array.from({ length: 12 }, (_, index) =>
          exchange(index % 2 ? replicas.a : replicas.b, token, { ip: `192.0.2.${100 + index}` }),
        ),
      );
      const refusals = outcomes.filter((outcome) => outcome.status === "rejected");

      expect(refusals).toHaveLength(11);
      for (const { reason } of refusals) expect(reason).toMatchObject(refused("replayed"));
      expect(Number((await rows()).sessions)).toBe(Number(before.sessions) + 1);
    },
  );

  test("it is refused after the session has ended, too", async () => {
    const token = await tokenFor();
    const { tokens } = await exchange(replicas.a, token);
    await replicas.a.core.logout({ accessToken: tokens.accessToken, bearer: "", ip: "" });

    await expect(exchange(replicas.b, token)).rejects.toMatchObject(refused("replayed"));
  });

  test("uses are forgotten when the token is not accepted any more, not before", async () => {
    const token = await tokenFor();
    const { session } = await exchange(replicas.a, token);
    const isRemembered = async () =>
      (
        await replicas.a.database.raw("SELECT 1 FROM used_subject_tokens WHERE session_id = ?", [
          session.id,
        ])
      ).rows.length === 1;
    await replicas.a.core.cleanup();
    expect(await isRemembered()).toBe(true);

    const later = await replicas.start({ now: () => Date.now() + HOUR });
    await expect(exchange(later, token)).rejects.toMatchObject(refused("expired"));
    await later.core.cleanup();
    expect(await isRemembered()).toBe(false);
  });

  test("nothing of a token can be read from the database", async () => {
    const sub = randomUUID();
    const jti = randomUUID();
    const token = await tokenFor({ sub, jti });
    await exchange(replicas.a, token);
    const { rows: found } = await replicas.a.database.raw(
      "SELECT u::text AS row FROM used_subject_tokens u UNION ALL SELECT e::text FROM audit_events e",
    );

    const text = JSON.stringify(found);
    for (const secret of [jti, ...token.split(".")]) expect(text).not.toContain(secret);
  });
});

describe("an exchange that is not answered OK does not use the token up (O3)", () => {
  test("when its caller has gone before it is committed", async () => {
    const token = await tokenFor();
    const call = testCall();
    call.leave();

    await expect(exchange(replicas.a, token, {}, call)).rejects.toMatchObject({
      reason: "DEADLINE_EXCEEDED",
    });
    await expect(exchange(replicas.b, token)).resolves.toBeDefined();
  });

  test("when its answer was not sent: the session ends, and the token is good again", async () => {
    const token = await tokenFor();
    const call = testCall();
    const first = await exchange(replicas.a, token, {}, call);
    call.leave();
    await replicas.a.core.unanswered.flush();
    expect(await verdictOf(replicas.b, first.tokens.accessToken)).toBe("ACCESS_TOKEN_BLACKLISTED");

    const second = await exchange(replicas.b, token);
    expect(await verdictOf(replicas.a, second.tokens.accessToken)).toBe("valid");
    await expect(exchange(replicas.a, token)).rejects.toMatchObject(refused("replayed"));
  });

  test("when its process died before the answer: it is withdrawn by the next exchange", async () => {
    const token = await tokenFor();
    const dying = await replicas.start();
    const first = await exchange(dying, token, {}, testCall());
    await dying.kill();
    await expect(exchange(replicas.a, token)).rejects.toMatchObject(refused("replayed"));

    const later = await replicas.start({ now: () => Date.now() + 20_000 });
    await beSteady(later);
    const second = await exchange(later, token);
    expect(second.session.id).not.toBe(first.session.id);
    expect(await verdictOf(replicas.a, first.tokens.accessToken)).toBe("ACCESS_TOKEN_BLACKLISTED");
  });

  test("an answer that was sent uses it up", async () => {
    const token = await tokenFor();
    const call = testCall();
    await exchange(replicas.a, token, {}, call);
    call.receive();

    const later = await replicas.start({ now: () => Date.now() + 20_000 });
    await beSteady(later);
    await replicas.a.core.answers.flush();
    await expect(exchange(later, token)).rejects.toMatchObject(refused("replayed"));
  });
});

describe("a refusal makes nothing, stores nothing, and is an event (D7)", () => {
  const cases: [string, string, Record<string, string>, () => Promise<string>][] = [
    [
      "an unknown issuer",
      "SUBJECT_TOKEN_INVALID",
      { check: "issuer" },
      () => tokenFor({ iss: "https://eve.example" }),
    ],
    [
      "another audience",
      "SUBJECT_TOKEN_INVALID",
      { check: "audience" },
      () => tokenFor({ aud: "other" }),
    ],
    [
      "an expired token",
      "SUBJECT_TOKEN_INVALID",
      { check: "expired" },
      () => tokenFor({ exp: Math.floor(Date.now() / 1000) - 60 }),
    ],
    [
      "a sign-in in the future",
      "SUBJECT_TOKEN_INVALID",
      { check: "auth_time" },
      () => tokenFor({ auth_time: Math.floor(Date.now() / 1000) + 3600 }),
    ],
    [
      "a sign-in before the maximum of a session",
      "SUBJECT_TOKEN_INVALID",
      { check: "auth_time" },
      () => tokenFor({ auth_time: Math.floor(Date.now() / 1000) - 169 * 3600 }),
    ],
    [
      "an over-long subject",
      "SUBJECT_TOKEN_INVALID",
      { check: "subject" },
      () => tokenFor({ sub: "s".repeat(256) }),
    ],
    [
      "a forged signature",
      "SUBJECT_TOKEN_INVALID",
      { check: "signature" },
      async () => signed(await providerKey(), goodClaims(provider.url, {}, Date.now())),
    ],
    [
      "a subject that is not known where no user is made",
      "NOT_FOUND",
      { what: "identity" },
      () => tokenFor({}, closed.url),
    ],
  ];
  test.each(cases)("%s", async (_name, reason, metadata, make) => {
    const ip = `198.51.100.${cases.findIndex(([name]) => name === _name) + 1}`;
    const token = await make();
    const before = await rows();

    await expect(exchange(replicas.a, token, { ip })).rejects.toMatchObject({ reason, metadata });
    expect(await rows()).toEqual(before);
    const [event, ...more] = await eventsOf(ip);
    expect(event).toMatchObject({ type: "LOGIN_FAILED", reason, metadata });
    expect(more).toEqual([]);
  });

  test("a name that another user has: the identity is not kept, and the token not used up", async () => {
    const taken = await makeUser(replicas.a);
    const token = await tokenFor({ preferred_username: taken.username });
    const before = await rows();

    for (let tries = 0; tries < 2; tries++)
      await expect(exchange(replicas.a, token)).rejects.toMatchObject({
        reason: "ALREADY_EXISTS",
        metadata: { field: "username" },
      });
    expect(await rows()).toEqual(before);
  });

  test("a name that another user has does not keep a user out who is there", async () => {
    const sub = randomUUID();
    const taken = await makeUser(replicas.a);
    const first = await exchange(replicas.a, await tokenFor({ sub }));
    const token = await tokenFor({ sub, preferred_username: taken.username });

    expect((await exchange(replicas.a, token)).user).toEqual(first.user);
  });

  test("a user who was deactivated", async () => {
    const sub = randomUUID();
    const { user } = await exchange(replicas.a, await tokenFor({ sub }));
    await replicas.a.core.users.update(user.id, { isActive: false }, { by: "admin", ip: "" });
    const before = await rows();

    await expect(exchange(replicas.b, await tokenFor({ sub }))).rejects.toMatchObject({
      reason: "USER_INACTIVE",
    });
    expect(await rows()).toEqual(before);
  });

  test("an application that the issuer may not sign in to", async () => {
    const token = await tokenFor({}, closed.url);

    await expect(exchange(replicas.a, token, { clientId: "bank" })).rejects.toMatchObject({
      reason: "PERMISSION_DENIED",
      metadata: { field: "client_id" },
    });
  });

  test("a token of a type that is not exchanged", async () => {
    const subjectTokenType = "urn:ietf:params:oauth:token-type:saml2";

    await expect(
      exchange(replicas.a, await tokenFor(), { subjectTokenType }),
    ).rejects.toMatchObject({ reason: "INVALID_ARGUMENT" });
  });
});

test("O1 a provider that is down is an outage, and no failed attempt (O4)", async () => {
  const down = await openProvider([key]);
  const replica = await replicas.start({ issuers: [trustedIssuer(down.url)] });
  await down.close();
  const ip = "198.51.100.200";
  const before = await rows();

  await expect(exchange(replica, await tokenFor({}, down.url), { ip })).rejects.toMatchObject({
    reason: "DEPENDENCY_UNAVAILABLE",
  });
  expect(await rows()).toEqual(before);
  expect(await eventsOf(ip)).toEqual([]);
});

test("D10 a source that sends bad tokens is slowed down, and its good tokens are not", async () => {
  const ip = "203.0.113.9";
  const reasons = [];
  for (let sent = 0; sent < 60; sent++)
    reasons.push(
      await exchange(replicas.b, "bad", { ip }).catch(({ reason }: { reason: string }) => reason),
    );

  expect(reasons.slice(0, 50)).toEqual(Array(50).fill("SUBJECT_TOKEN_INVALID"));
  expect(reasons.at(-1)).toBe("TOO_MANY_ATTEMPTS");
  expect((await eventsOf(ip)).length).toBeLessThan(60);
  await expect(exchange(replicas.b, await tokenFor(), { ip })).resolves.toBeDefined();
});
