import type { TrustedIssuer } from "../../../src/core/exchange/trusted_issuer.js";
import type { SubjectTokenExpectations } from "../../../src/core/ports/subject_token_verifier.js";
import { createSubjectTokenVerifier } from "../../../src/issuers/subject_token_verifier.js";
import {
  goodClaims,
  NOW,
  type Provider,
  type ProviderKey,
  providerKey,
  signed,
  startProvider,
  trustedIssuer,
} from "../../support/identity_provider.js";

/** A provider with one key, and a verifier that trusts the provider, on a clock that a test moves. */
export const verifierStage = async (
  given: {
    readonly keys?: readonly ProviderKey[];
    readonly issuer?: (url: string) => Partial<TrustedIssuer>;
    readonly timeoutMs?: number;
    readonly allowLoopbackHttp?: boolean;
  } = {},
) => {
  const keys = given.keys ?? [await providerKey()];
  const provider: Provider = await startProvider(keys);
  const time = { now: NOW, monotonic: 0 };
  const causes: unknown[] = [];
  const verifier = createSubjectTokenVerifier({
    issuers: [trustedIssuer(provider.url, given.issuer?.(provider.url))],
    clock: { now: () => time.now, monotonic: () => time.monotonic },
    timeoutMs: given.timeoutMs ?? 30_000,
    allowLoopbackHttp: given.allowLoopbackHttp ?? true,
    onFailure: (_issuer, cause) => causes.push(cause),
  });
  const [key] = keys;
  if (key === undefined) throw new Error("a provider has a key");
  return {
    provider,
    key,
    time,
    /** Why key sets could not be read. */
    causes,
    token: (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
      signed(key, goodClaims(provider.url, claims), header),
    verify: (token: string, expectations: Partial<SubjectTokenExpectations> = {}) =>
      verifier.verify(token, { type: "id_token", ...expectations }),
  };
};

export type VerifierStage = Awaited<ReturnType<typeof verifierStage>>;
