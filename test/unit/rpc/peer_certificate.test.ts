import type { PeerCertificate } from "node:tls";
import { describe, expect, test } from "vitest";
import { serviceNameOf } from "../../../src/rpc/peer_certificate.js";

const certificate = (subjectaltname: string | undefined, CN?: unknown): PeerCertificate =>
  ({ subjectaltname, subject: { CN } }) as PeerCertificate;

describe("whom a certificate stands for", () => {
  test.each([
    ["DNS:a.example, URI:spiffe://x/billing", "cn", "spiffe://x/billing"],
    ["IP Address:10.0.0.1, DNS:a.example, DNS:b.example", "cn", "a.example"],
    ["IP Address:10.0.0.1, URI:https://a.example", "cn", "cn"],
    [undefined, "billing", "billing"],
    ['DNS:"a.example, URI:spiffe://x/admin"', "cn", "a.example, URI:spiffe://x/admin"],
    ['URI:"spiffe://x/a\\u0022, DNS:b", DNS:c.example', "cn", 'spiffe://x/a", DNS:b'],
    ["URI:spiffe://x/a, URI:spiffe://x/b", "cn", undefined],
    [undefined, undefined, undefined],
    [undefined, "", undefined],
    [undefined, ["one", "two"], undefined],
  ])("with the names %j and the common name %j is %j", (names, commonName, service) => {
    expect(serviceNameOf(certificate(names, commonName))).toBe(service);
  });
});
