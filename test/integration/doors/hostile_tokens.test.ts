import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ChannelCredentials, Client } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { SessionAdminService } from "../../../generated/curfew/v1/session_admin.js";
import { ErrorInfo } from "../../../generated/google/rpc/error_details.js";
import type { Status } from "../../../generated/google/rpc/status.js";
import { startTestService, type TestService } from "../../support/service.js";
import { waitUntil } from "../../support/wait_until.js";
import type { TokenAttack } from "./attack.js";
import { bareCall } from "./bare_call.js";
import { respellings } from "./respellings.js";
import { signatureAttacks } from "./signature_attacks.js";
import { tokenAttacks } from "./token_attacks.js";
import { openForge, seal, type TokenForge } from "./token_forge.js";

const GET_PROFILE = AuthServiceService.getProfile.path;
const BATCH = 500;
/** For tests that make hundreds of calls one after the other, on a machine that does much else. */
const MANY_CALLS_MS = 180_000;
const AT_ONCE = 10;

/** Acts on all, some at a time. */
const inTurns = async <T>(all: readonly T[], act: (one: T) => Promise<void>): Promise<void> => {
  for (let from = 0; from < all.length; from += AT_ONCE)
    await Promise.all(all.slice(from, from + AT_ONCE).map(act));
};

const reasonOf = ({ details }: Status): string => {
  const info = details.find(({ typeUrl }) => typeUrl.endsWith("/google.rpc.ErrorInfo"));
  return info === undefined ? "" : ErrorInfo.decode(info.value).reason;
};

/** The attacker's site, which records its visitors. */
const openSite = async (): Promise<{ server: Server; origin: string; visits: string[] }> => {
  const visits: string[] = [];
  const server = createServer((request, response) => {
    visits.push(request.url ?? "");
    response.end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { server, origin: `http://127.0.0.1:${port}`, visits };
};

describe.each(["EdDSA", "ES256", "RS256"])("D3 a service that signs with %s", (algorithm) => {
  let service: TestService;
  let client: Client;
  let forge: TokenForge;
  let site: Awaited<ReturnType<typeof openSite>>;
  let attacks: readonly TokenAttack[];

  beforeAll(async () => {
    service = await startTestService({ JWT_ALGORITHM: algorithm });
    client = new Client(service.target, ChannelCredentials.createInsecure());
    site = await openSite();
    forge = await openForge(service, await newToken());
    attacks = [...tokenAttacks(site), ...signatureAttacks(algorithm)];
  });
  afterAll(async () => {
    client?.close();
    site?.server.close();
    await service?.stop();
  });

  const newToken = async (): Promise<string> => {
    const { username } = await service.createUser(["admin"]);
    return (await service.signIn(username)).accessToken;
  };

  const ask = async (tokens: readonly string[]): Promise<string[]> => {
    const requests = tokens.map((accessToken) => ({
      accessToken,
      audience: "",
      skipActivity: true,
    }));
    const { results } = await service.call(
      AuthServiceService.validateTokens,
      { requests },
      service.adminKey,
    );
    return results.map(({ result }) => (result?.$case === "error" ? reasonOf(result.value) : "OK"));
  };

  /** The verdict on each token: `OK`, or the reason. A call that a busy store leaves undecided is repeated. */
  const verdicts = async (tokens: readonly string[]): Promise<string[]> => {
    const all: string[] = [];
    for (let from = 0; from < tokens.length; from += BATCH) {
      const batch = tokens.slice(from, from + BATCH);
      await waitUntil("every verdict is certain", async () => {
        const outcomes = await ask(batch);
        if (outcomes.includes("DEPENDENCY_UNAVAILABLE")) return false;
        all.push(...outcomes);
        return true;
      });
    }
    return all;
  };

  const asBearer = async (value: string): Promise<string> => {
    const call = { path: GET_PROFILE, messages: [Buffer.alloc(0)], authorization: value };
    let answer = await bareCall(client, call);
    await waitUntil("the verdict is certain", async () => {
      if (answer.reason !== "DEPENDENCY_UNAVAILABLE") return true;
      answer = await bareCall(client, call);
      return false;
    });
    return answer.reason;
  };

  test("D3 takes what the forge signs with the service's key, so that the rest fails for its own reason", async () => {
    const { header, claims, sign, token } = forge;
    expect(await verdicts([token, seal(header, claims, sign)])).toEqual(["OK", "OK"]);
  });

  test("D3 refuses every attack of the table", async () => {
    const outcomes = await verdicts(attacks.map(({ make }) => make(forge)));
    const passed = attacks.filter((_, index) => outcomes[index] !== "ACCESS_TOKEN_INVALID");
    expect(passed.map(({ name }) => name)).toEqual([]);
    expect(attacks.length).toBeGreaterThan(280);
  });

  test("D3 refuses every attack of the table as a credential too", {
    timeout: MANY_CALLS_MS,
  }, async () => {
    await inTurns(attacks, async ({ name, make }) => {
      const token = make(forge);
      // Longer ones do not fit into metadata; HTTP/2 itself refuses them.
      if (token.length > 8000 || token === "") return;
      const reason = await asBearer(`Bearer ${token}`).catch(() => "not sent");
      expect([name, reason]).toEqual([
        name,
        expect.stringMatching(/^(ACCESS_TOKEN_INVALID|not sent)$/),
      ]);
    });
  });

  test("D3 explains every attack of the table as invalid, and knows no session for it", {
    timeout: MANY_CALLS_MS,
  }, async () => {
    for (const { name, make } of attacks.filter((_, index) => index % 5 === 0)) {
      const { verdict, session } = await service.call(
        SessionAdminService.explainToken,
        { accessToken: make(forge) },
        service.adminKey,
      );
      expect([name, verdict, session]).toEqual([name, "ACCESS_TOKEN_INVALID", undefined]);
    }
  });

  test("D3 explains a token that names another user's session as validation judges it", async () => {
    const own = await openForge(service, await newToken());
    const { sub } = (await openForge(service, await newToken())).claims;
    const stolen = seal(own.header, { ...own.claims, sub }, own.sign);
    expect(await verdicts([stolen])).toEqual(["SESSION_REVOKED_OR_INVALID"]);
    const { verdict, steps } = await service.call(
      SessionAdminService.explainToken,
      { accessToken: stolen },
      service.adminKey,
    );
    expect([verdict, steps.at(-1)?.detail]).toEqual([
      "SESSION_REVOKED_OR_INVALID",
      "the session is another user's",
    ]);
  });

  test("D3 ends no session for a token of the table", { timeout: MANY_CALLS_MS }, async () => {
    await inTurns(attacks, async ({ name, make }) => {
      const request = { accessToken: make(forge), language: "" };
      const failure = await service.call(AuthServiceService.logout, request).then(
        () => "OK",
        ({ details }) => details,
      );
      expect([name, failure]).not.toEqual([name, "OK"]);
    });
    expect(await verdicts([forge.token])).toEqual(["OK"]);
  });

  test("D3 never visits the address that a token names", () => {
    expect(site.visits).toEqual([]);
  });

  test("D3 refuses every prefix and every suffix of a good token", async () => {
    const cuts = Array.from({ length: forge.token.length - 1 }, (_, index) => index + 1);
    const pieces = cuts.flatMap((at) => [forge.token.slice(0, at), forge.token.slice(at)]);
    expect(new Set(await verdicts(pieces))).toEqual(new Set(["ACCESS_TOKEN_INVALID"]));
  });

  test("D3 takes one spelling of a live token only", async () => {
    const others = respellings(forge.token);
    expect(others.length).toBeGreaterThan(500);
    const outcomes = await verdicts(others.map(({ text }) => text));
    const passed = others.filter(
      (_, index) => !["ACCESS_TOKEN_INVALID", "INVALID_ARGUMENT"].includes(outcomes[index] ?? ""),
    );
    expect(passed.map(({ name }) => name)).toEqual([]);
  });

  test("L1 takes no spelling of a revoked token, and no other token of its session", async () => {
    const token = await newToken();
    const own = await openForge(service, token);
    const sibling = seal(own.header, { ...own.claims, jti: "another" }, own.sign);
    expect(await verdicts([token, sibling])).toEqual(["OK", "OK"]);
    await service.call(AuthServiceService.logout, { accessToken: token, language: "" });
    expect(await verdicts([token, sibling])).toEqual([
      "ACCESS_TOKEN_BLACKLISTED",
      "ACCESS_TOKEN_BLACKLISTED",
    ]);
    const outcomes = await verdicts(respellings(token).map(({ text }) => text));
    expect(outcomes).not.toContain("OK");
    for (const scheme of ["Bearer", "bearer", "BEARER", "bEaReR"]) {
      for (const spelling of [` ${token}`, `   ${token}`, ` ${token} `, ` "${token}"`]) {
        const reason = await asBearer(scheme + spelling);
        expect(reason).toMatch(/^ACCESS_TOKEN_(BLACKLISTED|INVALID)$|^CREDENTIALS_MISSING$/);
      }
    }
  });

  test("D3 takes a token from the authorization header alone over REST, and no respelling of a revoked one", {
    timeout: MANY_CALLS_MS,
  }, async () => {
    const token = await newToken();
    const browse = (path: string, headers: Record<string, string> = {}) =>
      fetch(`${service.origin}/api/v1/auth/profile${path}`, { headers });
    expect((await browse("", { authorization: `bEARER ${token}` })).status).toBe(200);
    const elsewhere: [string, Record<string, string>][] = [
      [`?access_token=${token}`, {}],
      [`?authorization=Bearer%20${token}`, {}],
      ["", { "x-access-token": token }],
      ["", { "proxy-authorization": `Bearer ${token}` }],
      ["", { cookie: `access_token=${token}` }],
      ["", { cookie: `__host-access=${token}` }],
      ["", { authorization: `Basic ${Buffer.from(`token:${token}`).toString("base64")}` }],
      ["", { authorization: token }],
      ["", { authorization: `Token ${token}` }],
      ["", { authorization: `Bearer,${token}` }],
    ];
    for (const [path, headers] of elsewhere) {
      const { status } = await browse(path, headers);
      expect([path, headers, status]).toEqual([path, headers, expect.toBeOneOf([400, 401])]);
    }
    await service.call(AuthServiceService.logout, { accessToken: token, language: "" });
    expect((await browse("", { authorization: `Bearer ${token}` })).status).toBe(401);
    for (const { name, text } of respellings(token)) {
      // What HTTP itself does not carry, and what gRPC has been asked often enough.
      if (/[^\x20-\x7e]/.test(text) || /^letter|ends in/.test(name)) continue;
      const answers = await Promise.all([
        browse("", { authorization: `Bearer ${text}` }),
        browse("", { cookie: `__Host-access=${text}` }),
      ]);
      expect([name, answers.map(({ ok }) => ok)]).toEqual([name, [false, false]]);
    }
  });

  test("D3 leaves every session alone after all of it", async () => {
    expect(await verdicts([forge.token])).toEqual(["OK"]);
  });
});
