import { expect, test } from "vitest";
import { AUDIENCE, CLAIMS, ISSUER, openReplica } from "./fixtures.js";

test("an explanation names the check that a token fails", async () => {
  const { signer, verifier } = await openReplica();
  const stranger = await openReplica();
  const good = await signer.sign(CLAIMS);
  const other = await signer.sign({ ...CLAIMS, jti: "token-2" });
  const changed = [...good.split(".").slice(0, 2), other.split(".")[2]].join(".");
  const cases: [token: string, reason: string][] = [
    ["", "not of an access token's form"],
    [`"${good}"`, "without quotes and spaces?"],
    [good.slice(0, 40), "is it whole"],
    ["cfr_AAAA", "it is a refresh token or a service key"],
    [await stranger.signer.sign(CLAIMS), "signed with a key that is unknown here"],
    [changed, "its signature is wrong"],
    [
      await signer.sign({ ...CLAIMS, iss: "https://other.test" }),
      `its issuer is "https://other.test", and not JWT_ISSUER, which is "${ISSUER}"`,
    ],
    [
      await signer.sign({ ...CLAIMS, aud: ["billing", "mail"] }),
      `it is for ["billing","mail"], and not for JWT_AUDIENCE, which is "${AUDIENCE}"`,
    ],
    [await signer.sign({ ...CLAIMS, sexp: CLAIMS.exp - 1 }), "its claims are not those"],
  ];
  for (const [token, reason] of cases) {
    expect(await verifier.verify(token), reason).toBeUndefined();
    expect(await verifier.describeRefusal(token)).toContain(reason);
  }
});
