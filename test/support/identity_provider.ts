import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { onTestFinished } from "vitest";
import type { TrustedIssuer } from "../../src/core/exchange/trusted_issuer.js";

/** A moment to count from, in milliseconds since the epoch. */
export const NOW = Date.UTC(2030, 0, 1);

export interface ProviderKey {
  readonly alg: string;
  readonly kid: string | undefined;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export const providerKey = async (alg = "ES256", kid: string | undefined = "one") => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const publicJwk: JWK = { ...(await exportJWK(publicKey)), alg, use: "sig" };
  if (kid !== undefined) publicJwk.kid = kid;
  return { alg, kid, privateKey, publicJwk } satisfies ProviderKey;
};

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const json =
  (body: unknown): Answer =>
  (_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(body));
  };

/** An identity provider on loopback that publishes keys as a test says. Close it at the end. */
export const openProvider = async (given: readonly ProviderKey[] = []) => {
  const provider = {
    url: "",
    keys: [...given],
    /** Paths that were asked for, in order. */
    requests: [] as string[],
    /** Answers in place of the usual documents, by path. */
    answers: new Map<string, Answer>(),
  };
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    provider.requests.push(path);
    const answer = provider.answers.get(path);
    if (answer !== undefined) answer(request, response);
    else if (path === "/.well-known/openid-configuration")
      json({ issuer: provider.url, jwks_uri: `${provider.url}/jwks` })(request, response);
    else if (path === "/jwks")
      json({ keys: provider.keys.map(({ publicJwk }) => publicJwk) })(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  provider.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const count = (path: string): number =>
    provider.requests.filter((asked) => asked === path).length;
  return Object.assign(provider, { close, count });
};

export type Provider = Awaited<ReturnType<typeof openProvider>>;

/** The same for one test, at whose end it is closed. */
export const startProvider = async (given?: readonly ProviderKey[]): Promise<Provider> => {
  const provider = await openProvider(given);
  onTestFinished(provider.close);
  return provider;
};

/** The settings of a provider, with the test's overrides. */
export const trustedIssuer = (url: string, given: Partial<TrustedIssuer> = {}): TrustedIssuer => ({
  issuer: url,
  audiences: ["web"],
  jwksUri: undefined,
  algorithms: ["RS256", "ES256"],
  claims: { displayName: "name", acr: "acr", amr: "amr" },
  createUsers: true,
  clientIds: undefined,
  ...given,
});

/** Claims of a good ID token, made 10 seconds before `now` and good for 5 minutes. */
export const goodClaims = (
  issuer: string,
  change: Record<string, unknown> = {},
  now: number = NOW,
) => {
  const seconds = Math.floor(now / 1000);
  const claims: Record<string, unknown> = {
    iss: issuer,
    aud: "web",
    sub: "ada",
    jti: "token",
    iat: seconds - 10,
    exp: seconds + 300,
    auth_time: seconds - 20,
    ...change,
  };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
};

/** Signs whatever it is given. */
export const signed = (
  key: ProviderKey,
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
): Promise<string> => {
  const { kid, alg } = key;
  return new SignJWT(claims)
    .setProtectedHeader({ alg, ...(kid !== undefined && { kid }), ...header })
    .sign(key.privateKey);
};
