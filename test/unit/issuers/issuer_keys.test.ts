import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { goodClaims, providerKey, signed } from "../../support/identity_provider.js";
import { verifierStage } from "./verifier_stage.js";

const UNAVAILABLE = { reason: "DEPENDENCY_UNAVAILABLE" };
const NO_KEY = { reason: "SUBJECT_TOKEN_INVALID", metadata: { check: "key" } };
const BAD_SIGNATURE = { reason: "SUBJECT_TOKEN_INVALID", metadata: { check: "signature" } };

describe("keys that are rotated", () => {
  test("a new key is found at once, and the old one is forgotten when it is withdrawn", async () => {
    const stage = await verifierStage();
    const old = await stage.token();
    await stage.verify(old);
    const next = await providerKey("ES256", "two");
    stage.provider.keys = [next];

    await stage.verify(await signed(next, goodClaims(stage.provider.url)));

    expect(stage.provider.count("/jwks")).toBe(2);
    // Within the 10 seconds the verifier cannot know whether the old key came back.
    await expect(stage.verify(old)).rejects.toMatchObject(UNAVAILABLE);
    stage.time.monotonic += 10_000;
    await expect(stage.verify(old)).rejects.toMatchObject(NO_KEY);
  });

  test("keys are read again after 10 minutes", async () => {
    const stage = await verifierStage();
    const old = await stage.token();
    await stage.verify(old);
    stage.provider.keys = [await providerKey("ES256", "two")];

    stage.time.monotonic += 599_999;
    await expect(stage.verify(old)).resolves.toBeDefined();
    stage.time.monotonic += 1;
    await expect(stage.verify(old)).rejects.toMatchObject(NO_KEY);
  });

  test("a new key without a name is found when the old one does not fit", async () => {
    const nameless = async () => {
      const { kid: _, ...key } = await providerKey();
      const { kid: __, ...publicJwk } = key.publicJwk;
      return { ...key, kid: undefined, publicJwk };
    };
    const stage = await verifierStage({ keys: [await nameless()] });
    await stage.verify(await stage.token());
    const next = await nameless();
    stage.provider.keys = [next];

    await expect(
      stage.verify(await signed(next, goodClaims(stage.provider.url))),
    ).resolves.toBeDefined();
    const forged = await signed(await nameless(), goodClaims(stage.provider.url));
    await expect(stage.verify(forged)).rejects.toMatchObject(BAD_SIGNATURE);
    expect(stage.provider.count("/jwks")).toBe(2);
  });

  test("several keys without a name are all tried", async () => {
    const keys = await Promise.all(
      ["a", "b", "c"].map(async (kid) => {
        const key = await providerKey("ES256", kid);
        const { kid: _, ...publicJwk } = key.publicJwk;
        return { ...key, kid: undefined, publicJwk };
      }),
    );
    const stage = await verifierStage({ keys });
    const [, , last] = keys;
    if (last === undefined) throw new Error("there are three keys");

    await expect(
      stage.verify(await signed(last, goodClaims(stage.provider.url))),
    ).resolves.toBeDefined();
  });
});

describe("a key that is not known", () => {
  test("makes at most one load in 10 seconds, whatever names are given", async () => {
    const stage = await verifierStage();
    await stage.verify(await stage.token());
    const eve = await providerKey("ES256", "eve");
    const forged = (kid: string) =>
      signed({ ...eve, kid }, goodClaims(stage.provider.url)).then((token) => stage.verify(token));

    await expect(forged("eve")).rejects.toMatchObject(NO_KEY);
    const answers = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) => forged(`eve ${index}`)),
    );
    // The name that was looked for is known to be missing; of the others nothing is known.
    await expect(forged("eve")).rejects.toMatchObject(NO_KEY);
    expect(stage.provider.count("/jwks")).toBe(2);
    for (const answer of answers)
      expect(answer).toMatchObject({ reason: { ...UNAVAILABLE, retryAfterMs: 10_000 } });

    stage.time.monotonic += 10_000;
    await expect(forged("eve 1")).rejects.toMatchObject(NO_KEY);
    expect(stage.provider.count("/jwks")).toBe(3);
  });

  test("is not looked for when the keys were read because of this very token", async () => {
    const stage = await verifierStage();
    const eve = await providerKey("ES256", "eve");

    await expect(
      stage.verify(await signed(eve, goodClaims(stage.provider.url))),
    ).rejects.toMatchObject(NO_KEY);
    expect(stage.provider.count("/jwks")).toBe(1);
  });

  test("does not keep a key that was published meanwhile from being found", async () => {
    const stage = await verifierStage();
    await stage.verify(await stage.token());
    const [two, three] = [await providerKey("ES256", "two"), await providerKey("ES256", "three")];
    const bad = await signed(two, goodClaims(stage.provider.url));
    await expect(stage.verify(bad)).rejects.toMatchObject(NO_KEY);
    stage.provider.keys.push(three);

    const good = await signed(three, goodClaims(stage.provider.url));
    await expect(stage.verify(good)).rejects.toMatchObject(UNAVAILABLE);
    stage.time.monotonic += 10_000;
    await expect(stage.verify(good)).resolves.toBeDefined();
  });
});

describe("a provider in trouble is an outage, and says nothing of the token", () => {
  test("one that is down; the keys that were read before go on", async () => {
    const stage = await verifierStage();
    const token = await stage.token();
    await stage.verify(token);
    await stage.provider.close();

    await expect(stage.verify(token)).resolves.toBeDefined();
    stage.time.monotonic += 600_000;
    await expect(stage.verify(token)).rejects.toMatchObject(UNAVAILABLE);
  });

  test("one that does not answer in time", async () => {
    const stage = await verifierStage({ timeoutMs: 50 });
    stage.provider.answers.set("/jwks", () => undefined);

    await expect(stage.verify(await stage.token())).rejects.toMatchObject(UNAVAILABLE);
  });

  test("one that stops in the middle of its answer", async () => {
    const stage = await verifierStage({ timeoutMs: 200 });
    stage.provider.answers.set("/jwks", (_request, response) => response.write('{"keys":['));

    await expect(stage.verify(await stage.token())).rejects.toMatchObject(UNAVAILABLE);
  });

  test("one that answers megabytes is cut off", async () => {
    const stage = await verifierStage();
    let sent = 0;
    const closed = new Promise<void>((resolve) => {
      stage.provider.answers.set("/jwks", (_request, response) => {
        const chunk = Buffer.alloc(65_536, " ");
        const more = (): void => {
          while (!response.destroyed && sent < 1_000_000_000) {
            sent += chunk.length;
            if (!response.write(chunk)) break;
          }
        };
        response.on("drain", more);
        void once(response, "close").then(() => resolve());
        more();
      });
    });

    await expect(stage.verify(await stage.token())).rejects.toMatchObject(UNAVAILABLE);
    await closed;
    expect(sent).toBeLessThan(100_000_000);
    expect(stage.causes).toEqual([new Error("it answered more than 65536 bytes")]);
  });

  test.each<[string, string, string]>([
    ["/jwks", "no JSON", "<html>"],
    ["/jwks", "no key set", "[]"],
    ["/jwks", "a member twice", '{"keys":[],"keys":[]}'],
    [
      "/jwks",
      "more than 100 keys",
      JSON.stringify({ keys: Array.from({ length: 101 }, () => ({})) }),
    ],
    ["/.well-known/openid-configuration", "another issuer", '{"issuer":"https://eve.example"}'],
    ["/.well-known/openid-configuration", "no key address", "{}"],
  ])("one whose %s is %s", async (path, _name, body) => {
    const stage = await verifierStage();
    stage.provider.answers.set(path, (_request, response) => response.end(body));

    await expect(stage.verify(await stage.token())).rejects.toMatchObject(UNAVAILABLE);
    expect(stage.causes).toHaveLength(1);
  });

  test("one that redirects is not followed", async () => {
    const stage = await verifierStage();
    stage.provider.answers.set("/jwks", (_request, response) =>
      response.writeHead(302, { location: `${stage.provider.url}/moved` }).end(),
    );

    await expect(stage.verify(await stage.token())).rejects.toMatchObject(UNAVAILABLE);
    expect(stage.provider.count("/moved")).toBe(0);
  });

  test("one that compresses what was not asked to be", async () => {
    const stage = await verifierStage();
    stage.provider.answers.set("/jwks", (_request, response) =>
      response.writeHead(200, { "content-encoding": "gzip" }).end("x"),
    );

    await expect(stage.verify(await stage.token())).rejects.toMatchObject(UNAVAILABLE);
  });

  test("one whose keys are malformed", async () => {
    const stage = await verifierStage();
    stage.provider.answers.set("/jwks", (_request, response) =>
      response.end(
        '{"keys":[{"kty":"EC","kid":"one","crv":"P-256","x":"?","y":7},7,null,{"kty":"oct","k":"AA"}]}',
      ),
    );

    await expect(stage.verify(await stage.token())).rejects.toMatchObject(NO_KEY);
  });

  test("is asked once by all that wait, and again a second after it failed", async () => {
    const stage = await verifierStage();
    stage.provider.answers.set("/jwks", (_request, response) => response.writeHead(500).end());
    const token = await stage.token();

    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => stage.verify(token)));
    expect(answers.every((answer) => answer.status === "rejected")).toBe(true);
    await expect(stage.verify(token)).rejects.toMatchObject(UNAVAILABLE);
    expect(stage.provider.count("/jwks")).toBe(1);

    stage.provider.answers.clear();
    stage.time.monotonic += 1000;
    await expect(stage.verify(token)).resolves.toBeDefined();
  });
});

describe("addresses that the provider names", () => {
  const discovery = "/.well-known/openid-configuration";
  const named = async (jwksUri: string, given: Parameters<typeof verifierStage>[0] = {}) => {
    const stage = await verifierStage(given);
    stage.provider.answers.set(discovery, (_request, response) =>
      response.end(JSON.stringify({ issuer: stage.provider.url, jwks_uri: jwksUri })),
    );
    return stage;
  };

  test.each([
    ["plain http", "http://keys.example.com/jwks", /not an https address/],
    ["a file", "file:///etc/passwd", /not an https address/],
    ["credentials", "https://user:pass@127.0.0.1/jwks", /not an https address/],
    ["a private address", "https://10.0.0.1/jwks", /not a public address/],
    ["this machine", "https://127.0.0.1/jwks", /not a public address/],
    ["this machine in IPv6", "https://[::1]/jwks", /not a public address/],
    ["this machine in another spelling", "https://[::ffff:127.0.0.1]/jwks", /not a public address/],
    ["a cloud's metadata", "https://169.254.169.254/jwks", /not a public address/],
    ["a name of this machine", "https://localhost/jwks", /not a public address/],
  ])("must not lead to %s", async (_name, uri, cause) => {
    const stage = await named(uri);

    await expect(stage.verify(await stage.token())).rejects.toMatchObject(UNAVAILABLE);
    expect(stage.causes).toEqual([
      expect.objectContaining({ message: expect.stringMatching(cause) }),
    ]);
  });

  test("must use TLS in production, even on loopback", async () => {
    const stage = await verifierStage({ allowLoopbackHttp: false });

    await expect(stage.verify(await stage.token())).rejects.toMatchObject(UNAVAILABLE);
    expect(stage.provider.requests).toEqual([]);
  });
});
